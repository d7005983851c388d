package main

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"idpool/server"
)

// TestAddAccountFails are the ways in which idpool accounts add can fail, by an endpoint and by the socket. The way in which
// it does not is in e2e, with a real node.
func TestAddAccountFails(t *testing.T) {
	for _, row := range []struct {
		name   string
		status int
		body   string
		want   string
	}{
		{"refused", 400, `{"__type": "ResourceConflictException", "message": "it is there"}`, "ResourceConflictException: it is there\n"},
		{"another server", 502, "<html>Bad Gateway</html>", "the node answered 502 Bad Gateway\n"},
		{"another server that is content", 200, "<html>", "invalid character '<'"},
	} {
		t.Run(row.name, func(t *testing.T) {
			answer := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(row.status)
				fmt.Fprint(w, row.body)
			})
			withoutVariables(t)
			byHTTP := httptest.NewServer(answer)
			defer byHTTP.Close()
			t.Setenv("AWS_ACCESS_KEY_ID", "AKID")
			t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
			for _, where := range []string{"--endpoint=" + byHTTP.URL, "--data=" + listenOnSocket(t, answer)} {
				if text := said(t, exitFailure, "accounts", "add", "111111111111", where); !strings.Contains(text, row.want) || strings.Count(text, "\n") != 1 {
					t.Errorf("%s: it says %q, not %q", where, text, row.want)
				}
			}
		})
	}
}

// listenOnSocket serves on the socket of a data directory, which it returns. The path of a socket has 107 bytes at most.
func listenOnSocket(t *testing.T, h http.Handler) string {
	t.Helper()
	data, err := os.MkdirTemp("", "idpool")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(data) })
	s := httptest.NewUnstartedServer(h)
	_ = s.Listener.Close()
	if s.Listener, err = net.Listen("unix", filepath.Join(data, server.SocketName)); err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(s.Close)
	return data
}

func TestAddAccountWithoutNode(t *testing.T) {
	withoutVariables(t)
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	endpoint := "--endpoint=" + gone.URL
	if text := said(t, exitFailure, "accounts", "add", "111111111111", endpoint); !strings.Contains(text, "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY to") {
		t.Errorf("without keys: it says %q", text)
	}
	t.Setenv("AWS_ACCESS_KEY_ID", "AKID")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	if text := said(t, exitFailure, "accounts", "add", "111111111111", endpoint); !strings.HasSuffix(text, "; is idpool serve running there?\n") {
		t.Errorf("no node there: it says %q", text)
	}
	if text := said(t, exitFailure, "accounts", "add", "111111111111", "--data", t.TempDir()); !strings.HasSuffix(text, "; is idpool serve running, with the same --data?\n") {
		t.Errorf("no node here: it says %q", text)
	}
}
