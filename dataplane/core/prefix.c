// SPDX-License-Identifier: BSD-3-Clause
/* Prefixes, read and written; see prefix.h. The address itself is inet_pton()'s to judge. */
#include "dataplane/core/prefix.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#define SHOWN_BYTES 48

/* What stands in messages: cut, and with no control characters. */
static const char *shown(const char *text, char out[SHOWN_BYTES])
{
	size_t i = 0;
	for (; i < SHOWN_BYTES - 1 && text[i]; i++)
		out[i] = text[i] < ' ' || text[i] > '~' ? '?' : text[i];
	out[i] = '\0';
	return out;
}

void prefix_cut(uint8_t *address, unsigned int address_bytes, unsigned int bits)
{
	for (unsigned int i = 0; i < address_bytes; i++) {
		unsigned int left = bits > 8 * i ? bits - 8 * i : 0;
		address[i] &= left >= 8 ? 0xFF : (uint8_t)(0xFF00 >> left);
	}
}

/* Up to three decimal digits. */
static int parse_bits(const char *text, unsigned int most, uint8_t *bits)
{
	unsigned int number = 0;
	size_t digits = strspn(text, "0123456789");
	if (digits == 0 || digits > 3 || text[digits])
		return -EINVAL;
	for (size_t i = 0; i < digits; i++)
		number = number * 10 + (unsigned int)(text[i] - '0');
	*bits = (uint8_t)number;
	return number > most ? -ERANGE : 0;
}

/* The address before the slash, whichever family it is of. */
static int parse_address(const char *text, size_t bytes, struct prefix *prefix)
{
	char address[INET6_ADDRSTRLEN];
	if (bytes >= sizeof(address))
		return -EINVAL;
	memcpy(address, text, bytes);
	address[bytes] = '\0';
	prefix->ip_version = strchr(address, ':') ? 6 : 4;
	return inet_pton(prefix->ip_version == 4 ? AF_INET : AF_INET6, address, prefix->address) ==
			       1
		       ? 0
		       : -EINVAL;
}

int prefix_parse(const char *text, struct prefix *prefix, struct err *err)
{
	char right[PREFIX_TEXT_BYTES], word[SHOWN_BYTES];
	const char *slash = strchr(text, '/');
	memset(prefix, 0, sizeof(*prefix));
	if (parse_address(text, slash ? (size_t)(slash - text) : strlen(text), prefix))
		return err_set(err, -EINVAL,
			       "'%s' is no prefix: wants an address and its bits, such as "
			       "203.0.113.0/24 or 2001:db8::/32",
			       shown(text, word));
	unsigned int most = prefix_most_bits(prefix->ip_version);
	prefix->bits = (uint8_t)most;
	if (slash && parse_bits(slash + 1, most, &prefix->bits))
		return err_set(err, -EINVAL,
			       "'%s': an IPv%u prefix has a length from /0 to /%u, such as /%u",
			       shown(text, word), prefix->ip_version, most,
			       prefix->ip_version == 4 ? 24 : 56);
	struct prefix cut = *prefix;
	prefix_cut(cut.address, sizeof(cut.address), cut.bits);
	if (!prefix_same(&cut, prefix))
		return err_set(err, -EINVAL,
			       "'%s': the address has bits behind its first %u; the prefix is %s",
			       shown(text, word), prefix->bits, prefix_format(&cut, right));
	return 0;
}

char *prefix_format(const struct prefix *prefix, char text[PREFIX_TEXT_BYTES])
{
	char address[INET6_ADDRSTRLEN];
	inet_ntop(prefix->ip_version == 4 ? AF_INET : AF_INET6, prefix->address, address,
		  sizeof(address));
	snprintf(text, PREFIX_TEXT_BYTES, "%s/%u", address, prefix->bits);
	return text;
}

bool prefix_same(const struct prefix *a, const struct prefix *b)
{
	return a->ip_version == b->ip_version && a->bits == b->bits &&
	       memcmp(a->address, b->address, sizeof(a->address)) == 0;
}
