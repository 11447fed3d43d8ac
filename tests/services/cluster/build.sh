#!/usr/bin/env bash
# Builds kube-apiserver, kube-controller-manager and kube-scheduler from Debian's source package into the folder $1: no
# package holds the binaries. Five CPU minutes, 2 GB of disk while it builds, and no network but Debian's mirror.
set -euo pipefail
target=$(realpath -m "$1")

wanted=()
command -v etcd >/dev/null || wanted+=(etcd-server)
command -v openssl >/dev/null || wanted+=(openssl)
command -v dpkg-source >/dev/null || wanted+=(dpkg-dev)
[ -x /usr/lib/go-1.19/bin/go ] || wanted+=(golang-1.19-go)
[ -d /usr/share/gocode/src/github.com/modern-go/reflect2 ] || wanted+=(golang-github-modern-go-reflect2-dev)
if [ ${#wanted[@]} -gt 0 ]; then
  [ "$(id -u)" = 0 ] || { echo "apt-get install ${wanted[*]}" >&2; exit 1; }
  (apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${wanted[@]}") \
    >/dev/null
fi

work=$(mktemp -d "${TMPDIR:-/tmp}/kubernetes-build-XXXXXX")
# Go makes its caches read-only.
trap 'chmod -R u+w "$work" && rm -rf "$work"' EXIT

# Sources need a deb-src line, which most machines lack: one of our own, in lists of our own.
. /etc/os-release
mkdir -p "$work/lists/partial"
mirror=$(apt-get indextargets --format '$(RELEASE) $(COMPONENT) $(REPO_URI)' 'Created-By: Packages' \
  | awk -v release="$VERSION_CODENAME" '$1 == release && $2 == "main" {print $3; exit}')
[ -n "$mirror" ] || { echo "apt knows no place of Debian $VERSION_CODENAME" >&2; exit 1; }
echo "deb-src [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $VERSION_CODENAME main" \
  >"$work/sources.list"
apt=(apt-get -qq -o Dir::Etc::sourcelist="$work/sources.list" -o Dir::Etc::sourceparts=/dev/null
  -o Dir::State::lists="$work/lists" -o APT::Sandbox::User=root)
"${apt[@]}" update
(cd "$work" && "${apt[@]}" source --download-only kubernetes)

export GOPATH=$work/go GOCACHE=$work/cache GO111MODULE=off CGO_ENABLED=0 GOFLAGS=-trimpath GOTOOLCHAIN=local
go=/usr/lib/go-1.19/bin/go
tree=$GOPATH/src/k8s.io/kubernetes
mkdir -p "$(dirname "$tree")"
dpkg-source --no-check -x "$work"/kubernetes_*.dsc "$tree" >/dev/null
cd "$tree"

# The vendored reflect2 reads maps as Go before 1.18 laid them out: the server dies on the first custom resource.
rm -rf vendor/github.com/modern-go/reflect2
cp -r /usr/share/gocode/src/github.com/modern-go/reflect2 vendor/github.com/modern-go/

# The tarball lacks this one generated file.
"$go" build -o "$work/openapi-gen" ./vendor/k8s.io/kube-openapi/cmd/openapi-gen
packages=$(grep -rl --include='*.go' '+k8s:openapi-gen=' cmd pkg plugin vendor/k8s.io/*/ \
  | grep -v -e /code-generator/ -e /sample-apiserver/ | xargs -n1 dirname | LC_ALL=C sort -u | sed 's|^|k8s.io/kubernetes/|')
PATH=$(dirname "$go"):$PATH "$work/openapi-gen" --logtostderr -i "$(paste -sd, <<<"$packages")" -O zz_generated.openapi \
  -p k8s.io/kubernetes/pkg/generated/openapi -h vendor/k8s.io/code-generator/hack/boilerplate.go.txt \
  -r "$work/violations" 2>"$work/openapi.log" || { tail -20 "$work/openapi.log" >&2; exit 1; }

# Without the cloud providers, a third of the code: no test has a cloud.
package=k8s.io/component-base/version
named="-X $package.gitVersion=v1.20.2 -X $package.gitMajor=1 -X $package.gitMinor=20"
mkdir -p "$work/built"
"$go" build -tags providerless -ldflags "-s -w $named" -o "$work/built/" ./cmd/kube-apiserver \
  ./cmd/kube-controller-manager ./cmd/kube-scheduler
mkdir -p "$(dirname "$target")"
# Whole or not at all: another run may build at the same time, and the first one stands.
mv -T "$work/built" "$target" 2>/dev/null || [ -x "$target/kube-apiserver" ]
