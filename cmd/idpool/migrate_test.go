package main

import (
	"bytes"
	"io"
	"log/slog"
	"os"
	"regexp"
	"strings"
	"testing"

	"idpool/server"
)

// printed runs idpool with arguments that it succeeds on, and returns what it prints.
func printed(t *testing.T, args ...string) string {
	t.Helper()
	out, err := os.CreateTemp(t.TempDir(), "out")
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	before := os.Stdout
	os.Stdout = out
	defer func() { os.Stdout = before }()
	var stderr bytes.Buffer
	if code := run(args, &stderr); code != 0 {
		t.Fatalf("it ends with %d and says %q", code, stderr.String())
	}
	if _, err := out.Seek(0, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(out)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// An operator who migrates by hand: what does not start before does so afterwards.
func TestMigrate(t *testing.T) {
	withoutVariables(t)
	data := t.TempDir()
	serve := configOf(t, "--no-migrate", "--listen=127.0.0.1:0", "--data="+data)
	serve.Log, serve.Out = slog.New(slog.DiscardHandler), io.Discard
	if _, err := server.Open(t.Context(), serve); err == nil || !strings.HasSuffix(err.Error(), "run idpool migrate first") {
		t.Errorf("before: %v", err)
	}
	first := regexp.MustCompile(`^the schema had version 0 and has version ([1-9]\d*)\n$`).FindStringSubmatch(printed(t, "migrate", "--data", data))
	if first == nil {
		t.Fatal("the first migration prints something else")
	}
	want := "the schema had version " + first[1] + " and has version " + first[1] + "\n"
	if got := printed(t, "migrate", "--data", data); got != want {
		t.Errorf("the second prints %q", got)
	}
	node, err := server.Open(t.Context(), serve)
	if err != nil {
		t.Fatalf("after: %v", err)
	}
	defer node.Close()
	if text := said(t, exitFailure, "migrate", "--data", data); !strings.Contains(text, "another idpool runs in "+data) {
		t.Errorf("beside a node it says %q", text)
	}
}
