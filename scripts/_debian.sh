# Sourced by scripts/test. Some tests speak to programs of others that pip cannot bring:
#
#   skopeo     pushes and pulls images at the registry of ECR     tests/parity/ecr/test_skopeo.py
#   mono-mcs   compiles C# for the functions in .NET              tests/parity/lambda_runtime/test_dotnet.py
#   ruby       runs the functions in Ruby                         tests/parity/lambda_runtime/test_ruby.py
#
# Where apt can install them without asking anybody (root, as in a container or in CI), it does, once. Anywhere else, and
# where no package index answers, nothing is installed and nothing fails: those tests are skipped, each with its reason.

need_debian_packages() {
    local missing=()
    command -v skopeo >/dev/null || missing+=(skopeo)
    command -v mcs >/dev/null || missing+=(mono-mcs)
    command -v ruby >/dev/null || missing+=(ruby)
    [ ${#missing[@]} -gt 0 ] || return 0
    if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
        echo "Not here: ${missing[*]}. Their tests are skipped. On Debian and Ubuntu:  sudo apt-get install ${missing[*]}" >&2
        return 0
    fi
    echo "Installing ${missing[*]} with apt ..." >&2
    apt_install "${missing[@]}" || { apt_update && apt_install "${missing[@]}"; } ||
        echo "apt could not install ${missing[*]}: their tests are skipped." >&2
}

# Bounded: a mirror that doesn't answer, or another apt that holds the lock, must not keep the tests from running.
apt_install() {
    DEBIAN_FRONTEND=noninteractive timeout 180 apt-get install -qq -y --no-install-recommends \
        -o DPkg::Lock::Timeout=30 -o Acquire::http::Timeout=20 -o Acquire::Retries=1 "$@" >/dev/null 2>&1
}

apt_update() {
    timeout 120 apt-get update -qq -o Acquire::http::Timeout=20 -o Acquire::Retries=1 >/dev/null 2>&1
}
