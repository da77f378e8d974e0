#!/bin/sh
# Install the Debian packages that building, the demo and the tests need, and those named as arguments.
#
# It never installs an MTA over another one, and installs Postfix without configuring or starting it.
# It says what it will install, and asks first unless YES=1 is set or there is no terminal.
set -eu

# libmilter and a compiler: pymilter is built against it. Cyrus SASL: the private Postfix has users.
# systemd: its tools judge the units and pass sockets in the tests. It need not run, and is not made to.
# libopendkim: the tests compare its verdicts with ours. Redis and ip: hosts that share limits are tested as such.
# Prometheus, with promtool: the tests ask it all that dashboards and alerts ask.
wanted="gcc libmilter-dev libc6-dev python3-venv postfix sasl2-bin libsasl2-modules bsdutils swaks systemd libopendkim11 redis-server iproute2 prometheus $*"
python="${PYTHON:-python3}"

fail() {
    echo "relayguard: $*" >&2
    exit 1
}

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
    fail "this sets itself up on Debian and its relatives only.
Install by hand what is the same as Debian's: $wanted; then 'make .venv/ready' and '.venv/bin/relayguard demo'."
fi

include=$("$python" -c 'import sysconfig; print(sysconfig.get_path("include"))' 2>/dev/null || true)
[ -f "$include/Python.h" ] || wanted="$wanted python3-dev"

installed() {
    [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

missing=""
for package in $wanted; do
    installed "$package" || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

other=$(dpkg-query -W -f='${db:Status-Status} ${Package} ${Provides}\n' |
    awk '$1 == "installed" && /mail-transport-agent/ && $2 != "postfix" { print $2; exit }')
case " $missing " in
*" postfix "*)
    [ -z "$other" ] || fail "$other is installed here. Debian allows one MTA, and installing Postfix would remove it.
Run the demo on another machine or in a container."
    ;;
esac

echo "relayguard: needs these Debian packages:$missing"
case "$missing" in
*postfix*) echo "relayguard: Postfix is installed without a configuration, and is not started." ;;
esac
as_root=""
if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || fail "run this as root, or install sudo."
    as_root=sudo
fi
if [ "${YES:-}" != 1 ] && [ -t 0 ]; then
    printf 'relayguard: install them? [y/N] '
    read -r answer
    case "$answer" in
    [yY]*) ;;
    *) fail "nothing was installed." ;;
    esac
fi

# Keep the packages from starting what they bring.
policy=/usr/sbin/policy-rc.d
made_policy=""
cleanup() {
    [ -z "$made_policy" ] || $as_root rm -f "$policy"
}
trap cleanup EXIT
trap 'exit 130' INT TERM
if [ ! -e "$policy" ]; then
    made_policy=1
    printf '#!/bin/sh\nexit 101\n' | $as_root tee "$policy" >/dev/null
    $as_root chmod 755 "$policy"
fi
echo "postfix postfix/main_mailer_type select No configuration" | $as_root debconf-set-selections
export DEBIAN_FRONTEND=noninteractive
install() {
    # shellcheck disable=SC2086  # a list of packages
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing
}
install >/dev/null 2>&1 || { $as_root apt-get update -qq && install >/dev/null; } ||
    fail "apt-get could not install:$missing"
