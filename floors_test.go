package idpool_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// module is the prefix of our import paths.
const module = "idpool"

// floors are the packages of the module: imports go down only. ARCHITECTURE.md draws the same picture.
var floors = map[string]int{
	"cmd/idpool": 7, "pooltest": 7,
	"server":  6,
	"console": 5, "gate": 5,
	"cognito": 4,
	"sts":     3,
	"issuer":  2, "iam": 2,
	"store": 1, "provider": 1,
	"identity": 0, "policy": 0, "wire": 0, "audit": 0, "provider/saml": 0,
}

// sideways are the imports that do not go down and are meant. There is none.
var sideways = map[string][]string{}

// testOnly are packages that only tests import; they import no package of ours.
var testOnly = []string{"internal/pgtest"}

// TestFloors reads the import lines of the files themselves: a test that asked the go command would be served stale from
// the test cache.
func TestFloors(t *testing.T) {
	documented := make(map[string]bool)
	err := filepath.WalkDir(".", func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			return skipFolder(file, d)
		}
		if !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
			return nil
		}
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly|parser.ParseComments)
		if err != nil {
			return err
		}
		pkg := path.Dir(filepath.ToSlash(file))
		documented[pkg] = documented[pkg] || f.Doc != nil
		checkImports(t, pkg, f)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for pkg, ok := range documented {
		if !ok {
			t.Errorf("package %s has no package comment", pkg)
		}
	}
}

// skipFolder leaves out what is no part of this module: hidden folders, and modules of their own.
func skipFolder(dir string, d fs.DirEntry) error {
	if dir == "." {
		return nil
	}
	nested, err := filepath.Glob(filepath.Join(dir, "go.mod"))
	if err != nil {
		return err
	}
	if nested != nil || strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata" || d.Name() == "node_modules" {
		return filepath.SkipDir
	}
	return nil
}

func checkImports(t *testing.T, pkg string, f *ast.File) {
	floor, onFloor := floors[pkg]
	if !onFloor && !slices.Contains(testOnly, pkg) {
		t.Errorf("package %s is on no floor: add it to the table, and to ARCHITECTURE.md", pkg)
		return
	}
	for _, spec := range f.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			t.Fatal(err)
		}
		below, ours := strings.CutPrefix(imported, module+"/")
		if !ours {
			continue
		}
		belowFloor, known := floors[below]
		switch {
		case !onFloor:
			t.Errorf("package %s is for tests and imports %s", pkg, below)
		case !known:
			t.Errorf("package %s (floor %d) imports %s, which is on no floor", pkg, floor, below)
		case belowFloor >= floor && !slices.Contains(sideways[pkg], below):
			t.Errorf("package %s (floor %d) imports %s (floor %d): imports go down only", pkg, floor, below, belowFloor)
		}
	}
}
