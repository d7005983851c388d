package e2e

import (
	"encoding/csv"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// haproxy is a balancer before some nodes, which it calls node0, node1 and so on. It writes a line for every call, with the
// node, how it ended, and what the call has in the header X-Call.
type haproxy struct {
	*process
	port  int
	admin string // its socket
}

const haproxyConfig = `
global
  stats socket %[1]s/admin.sock mode 600 level admin
  log stdout format raw local0
  nbthread 1
defaults
  mode http
  log global
  log-format "%%s %%HM %%HP %%ST %%tsc %%[capture.req.hdr(0)]"
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  timeout check 2s
  default-server check inter 200ms fall 2 rise 1
  %[4]s
frontend address
  bind 127.0.0.1:%[2]d
  http-request capture req.hdr(X-Call) len 20
  default_backend nodes
backend nodes
  balance roundrobin
  # Only what no node has got is sent to another one.
  option redispatch 1
  retries 3
  retry-on conn-failure
  option httpchk GET /readyz
  %[3]s
`

// startHAProxy starts a balancer on a port, with more settings than it has anyway.
func startHAProxy(t testing.TB, port int, nodes []*node, settings ...string) *haproxy {
	t.Helper()
	dir := t.TempDir()
	var servers []string
	for i, n := range nodes {
		servers = append(servers, fmt.Sprintf("server node%d %s", i, n.listen))
	}
	config := fmt.Sprintf(haproxyConfig, dir, port, strings.Join(servers, "\n  "), strings.Join(settings, "\n  "))
	file := filepath.Join(dir, "haproxy.cfg")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	h := &haproxy{port: port, admin: filepath.Join(dir, "admin.sock")}
	h.process = start(t, "haproxy", environ(), tool(t, "haproxy", "haproxy"), "-db", "-f", file)
	for i := range nodes {
		h.awaitState(t, i, "UP")
	}
	return h
}

func (h *haproxy) url() string { return fmt.Sprintf("http://127.0.0.1:%d", h.port) }

// awaitState waits until the balancer has found a node to be UP or DOWN.
func (h *haproxy) awaitState(t testing.TB, node int, state string) {
	t.Helper()
	h.await(t, fmt.Sprintf("node%d is %s", node, state), func() bool {
		return h.stat(fmt.Sprintf("node%d", node), "status") == state && h.stat(fmt.Sprintf("node%d", node), "check_status") != "INI"
	})
}

// stat is one of the balancer's numbers about a node, empty if it says nothing.
func (h *haproxy) stat(node, column string) string {
	conn, err := net.Dial("unix", h.admin)
	if err != nil {
		return "" // not yet
	}
	defer func() { _ = conn.Close() }()
	if _, err := io.WriteString(conn, "show stat\n"); err != nil {
		return ""
	}
	rows, err := csv.NewReader(conn).ReadAll()
	if err != nil || len(rows) == 0 {
		return ""
	}
	for _, row := range rows {
		if row[1] != node {
			continue
		}
		for i, name := range rows[0] {
			if name == column {
				return row[i]
			}
		}
	}
	return ""
}

// brokeOff tells whether the balancer says that a node has broken off a call.
func (h *haproxy) brokeOff(node int, call string) bool {
	line, found := h.stdout.line(" " + call)
	return found && regexp.MustCompile(fmt.Sprintf(`^node%d POST / (502|-1) S[HD]-- `, node)).MatchString(line)
}

var balanced = regexp.MustCompile(`(?m)^(node\d|<NOSRV>) [A-Z]+ /`)

// turns are the nodes that answered one request after another.
func (h *haproxy) turns() (nodes []string) {
	for _, line := range balanced.FindAllStringSubmatch(h.stdout.String(), -1) {
		nodes = append(nodes, line[1])
	}
	return nodes
}
