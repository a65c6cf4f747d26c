# SPDX-License-Identifier: BSD-3-Clause
# Completion of tallyctl for bash: verbs, options, and the tenants and interactions that a running tallyd
# names. It asks the appliance for at most a second and never changes anything.

# "acme/101" lines, from `tallyctl list --json`; $1 is "tenant" for "acme" lines.
_tallyctl_targets() {
	local i socket=()
	for ((i = 1; i < COMP_CWORD; i++)); do
		[[ ${COMP_WORDS[i]} == --socket ]] && socket=(--socket "${COMP_WORDS[i + 1]}")
	done
	tallyctl list --json --timeout 1s "${socket[@]}" 2>/dev/null |
		sed -n 's/^ *"tenant": "\([A-Za-z0-9._-]*\)",\{0,1\}$/t\1/p; s/^ *"id": \([0-9]*\),\{0,1\}$/i\1/p' |
		while read -r line; do
			case $line in
			t*) tenant=${line#t} ; [[ $1 == tenant ]] && echo "$tenant" ;;
			i*) [[ $1 == tenant ]] || echo "$tenant/${line#i}" ;;
			esac
		done
}

# Names of the shows that are loaded.
_tallyctl_shows() {
	local i socket=()
	for ((i = 1; i < COMP_CWORD; i++)); do
		[[ ${COMP_WORDS[i]} == --socket ]] && socket=(--socket "${COMP_WORDS[i + 1]}")
	done
	tallyctl list --json --timeout 1s "${socket[@]}" 2>/dev/null |
		sed -n 's/^ *"show": "\([A-Za-z0-9._-]*\)",\{0,1\}$/\1/p'
}

# Names of all tenants, those without windows too.
_tallyctl_tenants() {
	local i socket=()
	for ((i = 1; i < COMP_CWORD; i++)); do
		[[ ${COMP_WORDS[i]} == --socket ]] && socket=(--socket "${COMP_WORDS[i + 1]}")
	done
	tallyctl tenant list --json --timeout 1s "${socket[@]}" 2>/dev/null |
		sed -n 's/^ *"name": "\([A-Za-z0-9._-]*\)",\{0,1\}$/\1/p'
}

_tallyctl_verb() {
	local i
	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		--socket | --timeout) ((i++)) ;;
		-*) ;;
		*) echo "${COMP_WORDS[i]}" && return ;;
		esac
	done
}

_tallyctl() {
	local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} verb words
	local common="--socket --timeout --json --help --version"
	COMPREPLY=()
	case $before in
	--socket | --keyring | --journal) mapfile -t COMPREPLY < <(compgen -f -- "$word") && return ;;
	--until) mapfile -t COMPREPLY < <(compgen -W "final revealed forever" -- "$word") && return ;;
	--upvote)
		[[ $word == @* ]] && mapfile -t COMPREPLY < <(compgen -P @ -f -- "${word#@}")
		return
		;;
	--poll | --multi | --quiz | --scale | --question | --correct | --points | --choose | --top | --voter) return ;;
	--show) mapfile -t COMPREPLY < <(compgen -W "$(_tallyctl_shows)" -- "$word" | sort -u) && return ;;
	--id | --identity | --votes-per-s | --voters | --windows | --memory-mb) return ;;
	--for | --at | --max-delay | --by | --rate | --timeout | --epoch | --server | --address) return ;;
	esac
	verb=$(_tallyctl_verb)
	if [[ -z $verb ]]; then
		words="open close extend cancel reveal list results watch leaderboard stats load rundown next unload"
		words+=" key tenant voter front journal identity audit export $common"
	elif [[ $word == -* ]]; then
		case $verb in
		open)
			words="--poll --multi --quiz --scale --upvote --reaction --question --correct --points"
			words+=" --choose --revote --show --for --at --max-delay $common"
			;;
		extend) words="--by $common" ;;
		results) words="--top $common" ;;
		leaderboard) words="--show --top --voter $common" ;;
		load) words="--check $common" ;;
		watch) words="--rate --until $common" ;;
		stats) words="--watch $common" ;;
		tenant) words="--id --max-delay --epoch --votes-per-s --voters --windows --memory-mb $common" ;;
		front) words="--for $common" ;;
		audit) words="--journal --identity $common" ;;
		key) words="--keyring --epoch --server --address $common" ;;
		*) words=$common ;;
		esac
	else
		case $verb in
		close | extend | cancel | reveal) words=$(_tallyctl_targets) ;;
		rundown | next | unload) words=$(_tallyctl_shows) ;;
		results | watch | leaderboard) words="$(_tallyctl_targets tenant) $(_tallyctl_targets)" ;;
		list | key) words=$(_tallyctl_targets tenant) ;;
		journal) words="status resume" ;;
		tenant)
			words=""
			case $before in
			tenant) words="add rotate retire list" ;;
			rotate | retire) words=$(_tallyctl_tenants) ;;
			esac
			;;
		voter)
			words=""
			case $before in
			voter) words="revoke restore list" ;;
			revoke | restore | list) words=$(_tallyctl_tenants) ;;
			esac
			;;
		front)
			words=""
			case $before in
			front) words="allow deny remove panic list" ;;
			panic) words="on off" ;;
			esac
			;;
		load | audit | export) mapfile -t COMPREPLY < <(compgen -f -- "$word") && return ;;
		esac
	fi
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word" | sort -u)
}

complete -F _tallyctl tallyctl
