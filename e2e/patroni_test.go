package e2e

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// patroni is a PostgreSQL server in the care of Patroni, both from Debian.
type patroni struct {
	*process
	rest int // the port that it says its role on
	port int // PostgreSQL's
}

// startEtcd starts the store in which Patronis agree on their leader, and returns its port.
func startEtcd(t testing.TB) int {
	t.Helper()
	client, peer := freePort(t), freePort(t)
	clients, peers := fmt.Sprintf("http://127.0.0.1:%d", client), fmt.Sprintf("http://127.0.0.1:%d", peer)
	p := start(t, "etcd", environ(), tool(t, "etcd", "etcd-server"), "--data-dir", t.TempDir(), "--log-level", "warn",
		"--listen-client-urls", clients, "--advertise-client-urls", clients,
		"--listen-peer-urls", peers, "--initial-advertise-peer-urls", peers, "--initial-cluster", "default="+peers)
	p.await(t, "it is well", func() bool { return status(clients+"/health") == http.StatusOK })
	return client
}

func startPatroni(t testing.TB, etcd int, name string) *patroni {
	t.Helper()
	p := &patroni{rest: freePort(t), port: freePort(t)}
	text, err := os.ReadFile("parts/patroni/patroni.yml")
	if err != nil {
		t.Fatal(err)
	}
	dir := nobodysFolder(t)
	config := strings.NewReplacer("NAME", name, "ETCD", strconv.Itoa(etcd), "REST", strconv.Itoa(p.rest), "PORT", strconv.Itoa(p.port),
		"BIN", filepath.Dir(postgresProgram(t, "postgres")), "DIR", dir).Replace(string(text))
	file := filepath.Join(dir, "patroni.yml")
	if err := os.WriteFile(file, []byte(config), 0o644); err != nil {
		t.Fatal(err)
	}
	// In a namespace of their own all its processes end with it, PostgreSQL's too.
	p.process = startCommand(t, "patroni "+name, asNobody("unshare", "--user", "--map-current-user", "--pid", "--mount-proc",
		"--fork", "--kill-child", tool(t, "patroni", "patroni"), file))
	return p
}

// awaitRole waits until Patroni says that its server is that: leader, or sync for a synchronous standby. It may take a
// while, as the server is made first, or the lost leader's time has to run out.
func (p *patroni) awaitRole(t testing.TB, role string) {
	t.Helper()
	is := func() bool { return status(fmt.Sprintf("http://127.0.0.1:%d/%s", p.rest, role)) == http.StatusOK }
	for deadline := time.Now().Add(4 * patience); p.until(is) != nil; {
		if time.Now().After(deadline) {
			t.Fatalf("%s does not become %s", p.name, role)
		}
	}
}

// TestPatroni loses the leader of two Patronis amid the work of 64 writers at three nodes, and does nothing: the other becomes
// the leader, the nodes find it, and all that was acknowledged is there.
func TestPatroni(t *testing.T) { // not beside other tests, as the time without service is measured
	for range *failovers {
		t.Run("", func(t *testing.T) {
			etcd := startEtcd(t)
			leader := startPatroni(t, etcd, "first")
			leader.awaitRole(t, "leader")
			other := startPatroni(t, etcd, "second")
			other.awaitRole(t, "sync")
			nodes, _ := startNodes(t, 3, "--database", postgresURL(leader.port, other.port),
				"--issuer-url", sharedIssuer, "--signing-algorithm", "ES256")
			r := startRecorder(t, nodes[0], nodes)
			r.awaitDeeds(t, 1000)
			leader.kill()
			lost := time.Now()
			other.awaitRole(t, "leader")
			t.Logf("the standby is leader after %s", time.Since(lost).Round(time.Millisecond))
			r.awaitRecovery(t, nodes)
			r.end(t)
			r.report(t, lost)
			r.check(t, nodes)
		})
	}
}
