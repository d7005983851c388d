package server

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// auditedCall is a call that reaches an operation, and is refused there.
func auditedCall(t *testing.T, s *Server) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", strings.NewReader(`{"IdentityPoolId":"us-east-1:0"}`))
	r.Header.Set("Content-Type", "application/x-amz-json-1.1")
	r.Header.Set("X-Amz-Target", "AWSCognitoIdentityService.GetId")
	w := httptest.NewRecorder()
	s.handler().ServeHTTP(w, r)
	if w.Code != http.StatusBadRequest {
		t.Fatalf("status %d: %s", w.Code, w.Body)
	}
}

func openAudited(t *testing.T, c Config, path string) *Server {
	t.Helper()
	c.AuditLog = path
	s, err := Open(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func eventsIn(t *testing.T, path string) int {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Count(string(text), `"eventName":"GetId"`)
}

// The file is nobody else's, and is added to; what waits is written before the node has ended.
func TestAuditFile(t *testing.T) {
	c, path := base(t), filepath.Join(t.TempDir(), "audit.log")
	for i := range 2 {
		s := openAudited(t, c, path)
		auditedCall(t, s)
		s.Close()
		if n := eventsIn(t, path); n != i+1 {
			t.Errorf("%d events after %d runs", n, i+1)
		}
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	c.AuditLog = filepath.Join(path, "below")
	if _, err := Open(context.Background(), c); err == nil || !strings.Contains(err.Error(), "--audit-log: open "+c.AuditLog) {
		t.Errorf("a file that cannot be: %v", err)
	}
}

// A file that was moved away is done with; where no new one can be, the old one goes on.
func TestReopenAudit(t *testing.T) {
	c, dir := base(t), filepath.Join(t.TempDir(), "logs")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "audit.log")
	s := openAudited(t, c, path)
	auditedCall(t, s)
	if err := os.Rename(dir, dir+".1"); err != nil {
		t.Fatal(err)
	}
	s.ReopenAudit()
	auditedCall(t, s)
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s: %v", path, err)
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	s.ReopenAudit()
	auditedCall(t, s)
	s.Close()
	if before, after := eventsIn(t, filepath.Join(dir+".1", "audit.log")), eventsIn(t, path); before+after != 3 || after == 0 {
		t.Errorf("%d events before, %d after", before, after)
	}
}

// On standard output there is nothing but events.
func TestAuditToStandardOutput(t *testing.T) {
	c := base(t)
	out := c.Out.(*strings.Builder)
	c.IsTerminal = true
	s := openAudited(t, c, auditToOut)
	s.announce()
	s.ReopenAudit()
	auditedCall(t, s)
	s.Close()
	if text := out.String(); !strings.HasPrefix(text, `{"eventVersion":`) || strings.Count(text, "\n") != 1 {
		t.Errorf("standard output: %s", text)
	}
}
