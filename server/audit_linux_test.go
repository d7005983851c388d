package server

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// A node whose disk is full goes on, and says so.
func TestAuditOnFullDisk(t *testing.T) {
	const full = "/dev/full"
	c := base(t)
	var log strings.Builder
	c.Log = slog.New(slog.NewJSONHandler(&log, nil))
	s := openAudited(t, c, full)
	auditedCall(t, s)
	ready := httptest.NewRecorder()
	s.handler().ServeHTTP(ready, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/readyz", nil))
	s.Close()
	metrics := httptest.NewRecorder()
	s.adminHandler().ServeHTTP(metrics, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil))
	if ready.Code != http.StatusOK || !strings.Contains(metrics.Body.String(), "idpool_audit_lost_events_total 1\n") {
		t.Errorf("/readyz answers %d", ready.Code)
	}
	if !strings.Contains(log.String(), `"level":"ERROR","msg":"audit events are lost; see to --audit-log and its disk","lost":1,"error":"write /dev/full: no space left on device"`) {
		t.Errorf("log: %s", log.String())
	}
}
