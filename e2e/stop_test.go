package e2e

import (
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"syscall"
	"testing"
)

// TestGracefulStop is what a balancer sees of a node that is told to stop: it is no longer ready, but still answers, and
// asks its clients to connect elsewhere.
func TestGracefulStop(t *testing.T) { // not beside other tests, since the time to drain is short
	n := startNode(t, "--drain", "3s")
	guests := setUpForGuests(t, n)
	n.signal(t, syscall.SIGTERM)
	n.await(t, "it is not ready", func() bool { return status(n.url+"/readyz") == http.StatusServiceUnavailable })
	if s := status(n.url + "/healthz"); s != http.StatusOK {
		t.Errorf("draining, /healthz answers %d", s)
	}
	call, err := http.NewRequestWithContext(t.Context(), http.MethodPost, n.url, strings.NewReader(`{"IdentityPoolId":"`+guests+`"}`))
	if err != nil {
		t.Fatal(err)
	}
	call.Header.Set("Content-Type", "application/x-amz-json-1.1")
	call.Header.Set("X-Amz-Target", "AWSCognitoIdentityService.GetId")
	reply, err := http.DefaultClient.Do(call)
	if err != nil {
		t.Fatalf("draining, it answers no call: %v", err)
	}
	_ = reply.Body.Close()
	if reply.StatusCode != http.StatusOK || !reply.Close {
		t.Errorf("draining, a call is answered with status %d, Connection: close is %t", reply.StatusCode, reply.Close)
	}
	if code := n.wait(t); code != 0 {
		t.Errorf("told to stop, it ends with %d", code)
	}
}

// TestGracefulStopOfConnections has balancers keep connections to a node that is told to stop. They use them until they have
// found out that it is not ready, so that none may be closed under a call.
func TestGracefulStopOfConnections(t *testing.T) { // not beside other tests, likewise
	n := startNode(t, "--drain", "3s")
	balancer := &http.Client{Transport: &http.Transport{}}
	t.Cleanup(balancer.CloseIdleConnections)
	send(t, balancer, get(t, n.url+"/healthz"))
	n.signal(t, syscall.SIGTERM)
	n.await(t, "it is not ready", func() bool { return status(n.url+"/readyz") == http.StatusServiceUnavailable })
	kept := false
	call := post(t, n.url, url.Values{"Action": {"GetCallerIdentity"}, "Version": {"2011-06-15"}})
	call = call.WithContext(httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{
		GotConn: func(c httptrace.GotConnInfo) { kept = c.Reused },
	}))
	reply, err := balancer.Do(call)
	if err != nil {
		t.Fatal(err)
	}
	_ = reply.Body.Close()
	if !kept || !reply.Close {
		t.Errorf("draining, a call on a connection from before: the connection was there is %t, Connection: close is %t", kept, reply.Close)
	}
	if code := n.wait(t); code != 0 {
		t.Errorf("told to stop, it ends with %d", code)
	}
}

// TestSecondSignal has an operator who does not want to wait.
func TestSecondSignal(t *testing.T) {
	t.Parallel()
	for _, s := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		t.Run(s.String(), func(t *testing.T) {
			t.Parallel()
			n := startNode(t, "--drain", "1h")
			n.signal(t, s)
			n.await(t, "it is not ready", func() bool { return status(n.url+"/readyz") == http.StatusServiceUnavailable })
			n.signal(t, s)
			n.wait(t)
			if state := n.cmd.ProcessState.Sys().(syscall.WaitStatus); !state.Signaled() || state.Signal() != s {
				t.Errorf("the second %v does not end it at once: %v", s, n.cmd.ProcessState)
			}
		})
	}
}

// TestExitCodes starts nodes that cannot work, and reads what the operator is told.
func TestExitCodes(t *testing.T) {
	t.Parallel()
	running, stopped := startNode(t), startNode(t)
	stopped.kill()
	for _, bad := range []struct {
		name  string
		args  []string
		code  int
		words string // at the end of what it says
	}{
		{"port taken", []string{"--data", t.TempDir(), "--listen", running.listen}, 1, "address already in use; choose another address by --listen"},
		{"data taken", []string{"--data", running.data}, 1, "stop it, or choose another directory by --data"},
		{"no database", []string{"--data", t.TempDir(), "--database", "postgres://127.0.0.1:1/none"}, 1, "check --database, and that the database runs"},
		{"unknown flag", []string{"--no-such-flag"}, 2, "unknown flag --no-such-flag"},
		{"another account", []string{"--data", stopped.data, "--listen", stopped.listen, "--account", "111111111111"}, 2, "the first account of this database is " + account},
		{"dev on another's database", []string{"--data", stopped.data, "--listen", stopped.listen, "--dev"}, 2, "choose another directory by --data"},
	} {
		t.Run(bad.name, func(t *testing.T) {
			p := start(t, "idpool", environ(), binary, append([]string{"serve"}, bad.args...)...)
			if code := p.wait(t); code != bad.code {
				t.Errorf("it ends with %d, not %d", code, bad.code)
			}
			said := p.spoken()
			if len(said) == 0 || !strings.HasPrefix(said[0], "idpool: ") || !strings.HasSuffix(said[0], bad.words) {
				t.Errorf("it says %q, not %q", said, bad.words)
			}
			if bad.code == 1 && len(said) != 1 {
				t.Errorf("it says more than one line: %q", said)
			}
		})
	}
}

// spoken are the lines on standard error that are meant for a person: all but the log.
func (p *process) spoken() (said []string) {
	for line := range strings.Lines(p.stderr.String()) {
		if !strings.HasPrefix(line, "{") {
			said = append(said, strings.TrimSuffix(line, "\n"))
		}
	}
	return said
}
