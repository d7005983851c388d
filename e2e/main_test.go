package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

var (
	binary  string // the server under test
	scratch string // a folder for the time of the run
)

func TestMain(m *testing.M) {
	if orders := os.Getenv(ordersName); orders != "" {
		os.Exit(record(orders))
	}
	os.Exit(buildAndRun(m))
}

func buildAndRun(m *testing.M) int {
	var err error
	if scratch, err = os.MkdirTemp("", "idpool-e2e-"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(scratch) }()
	if binary = os.Getenv("IDPOOL_BINARY"); binary == "" {
		binary = filepath.Join(scratch, "idpool")
		if err := goBuild("..", binary, "./cmd/idpool"); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	return m.Run()
}

// goBuild builds a command of the module in dir.
func goBuild(dir, output, pkg string) error {
	build := exec.Command("go", "build", "-o", output, pkg)
	build.Dir = dir
	if text, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("go build %s in %s: %w\n%s", pkg, dir, err, text)
	}
	return nil
}
