package main

import (
	"os"
	"path/filepath"
	"testing"
)

// Secrets are shown on a terminal, and nowhere else.
func TestIsTerminal(t *testing.T) {
	for _, row := range []struct {
		path string
		want bool
	}{
		{"/dev/ptmx", true}, // a new terminal, from the side of its emulator
		{os.DevNull, false},
		{"/dev/zero", false},
		{filepath.Join(t.TempDir(), "log"), false},
	} {
		f, err := os.OpenFile(row.path, os.O_RDWR|os.O_CREATE, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		if got := isTerminal(f); got != row.want {
			t.Errorf("%s is a terminal: %t", row.path, got)
		}
		_ = f.Close()
	}
}
