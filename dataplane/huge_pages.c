// SPDX-License-Identifier: BSD-3-Clause
/* Reads /proc and /sys, and writes one number of /proc. Called by eal.c and prepare.c. */
#include "dataplane/huge_pages.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define HUGEPAGES_DIR "/sys/kernel/mm/hugepages"
#define NUMBER_FILE   "/proc/sys/vm/nr_hugepages"
#define PAGE_KB_USUAL 2048

uint64_t huge_pages_free_mb(void)
{
	uint64_t free_kb = 0;
	DIR *sizes = opendir(HUGEPAGES_DIR);
	if (!sizes)
		return 0;
	for (struct dirent *entry; (entry = readdir(sizes));) {
		char path[512];
		unsigned long long page_kb, pages;
		if (sscanf(entry->d_name, "hugepages-%llukB", &page_kb) != 1)
			continue;
		snprintf(path, sizeof(path), HUGEPAGES_DIR "/%s/free_hugepages", entry->d_name);
		FILE *file = fopen(path, "re");
		if (!file)
			continue;
		if (fscanf(file, "%llu", &pages) == 1)
			free_kb += page_kb * pages;
		fclose(file);
	}
	closedir(sizes);
	return free_kb / 1024;
}

static int64_t read_number(int fd)
{
	char text[32] = "";
	ssize_t bytes = pread(fd, text, sizeof(text) - 1, 0);
	return bytes < 0 ? -errno : strtoll(text, NULL, 10);
}

uint64_t huge_pages_now(void)
{
	int fd = open(NUMBER_FILE, O_RDONLY | O_CLOEXEC);
	int64_t number = fd < 0 ? 0 : read_number(fd);
	if (fd >= 0)
		close(fd);
	return number < 0 ? 0 : (uint64_t)number;
}

uint64_t huge_pages_for(uint64_t mb)
{
	char line[128];
	uint64_t page_kb = PAGE_KB_USUAL;
	FILE *file = fopen("/proc/meminfo", "re");
	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "Hugepagesize: %" SCNu64, &page_kb) == 1)
			break;
	if (file)
		fclose(file);
	return (mb * 1024 + page_kb - 1) / page_kb;
}

/* The file is locked: a sum of two processes must not lose one's share. */
int64_t huge_pages_change(int64_t by)
{
	char text[32];
	int fd = open(NUMBER_FILE, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	flock(fd, LOCK_EX);
	int64_t before = read_number(fd), after = before;
	if (before >= 0) {
		snprintf(text, sizeof(text), "%" PRId64, before + by > 0 ? before + by : 0);
		after = pwrite(fd, text, strlen(text), 0) < 0 ? -errno : read_number(fd);
	}
	close(fd);
	return before < 0 || after < 0 ? (before < 0 ? before : after) : after - before;
}
