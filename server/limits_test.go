package server

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"idpool/internal/pgtest"
)

// serve runs a node with limits of its own until the test ends, or until stop, which returns what Serve has returned.
func serve(t *testing.T, c Config, change func(*limits)) (s *Server, stop func() error) {
	t.Helper()
	s, err := Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	change(&s.limits)
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- s.Serve(ctx) }()
	stop = sync.OnceValue(func() error {
		cancel()
		err := <-served
		s.Close()
		return err
	})
	t.Cleanup(func() { _ = stop() })
	return s, stop
}

// dial sends the beginning of something, and fails what takes longer than a test may.
func dial(t *testing.T, s *Server, text string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", s.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(conn, text); err != nil {
		t.Fatal(err)
	}
	return conn
}

const halfCall = "POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-amz-json-1.1\r\n" +
	"X-Amz-Target: AWSCognitoIdentityService.GetId\r\nContent-Length: 100\r\nExpect: 100-continue\r\n\r\n"

// A connection on which nothing comes any more is closed, wherever in a call that is.
func TestSlowClients(t *testing.T) {
	const short = 50 * time.Millisecond
	for _, tt := range []struct {
		name, sent string
		change     func(*limits)
	}{
		{"in the header", "POST / HTTP/1.1\r\nHost: x\r\n", func(l *limits) { l.header = short }},
		{"in the body", halfCall + "{", func(l *limits) { l.read = short }},
		{"between two calls", "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n", func(l *limits) { l.idle = short }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s, _ := serve(t, base(t), func(l *limits) {
				l.header, l.read, l.idle = time.Hour, time.Hour, time.Hour
				tt.change(l)
			})
			if reply, err := io.ReadAll(dial(t, s, tt.sent)); errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("the connection is still open, after %q", reply)
			}
		})
	}
}

// Whatever is not given at the start has a limit all the same.
func TestUsualLimits(t *testing.T) {
	s, _ := serve(t, base(t), func(l *limits) {})
	h := s.httpServer(nil)
	for _, limit := range []time.Duration{h.ReadHeaderTimeout, h.ReadTimeout, h.WriteTimeout, h.IdleTimeout, s.limits.ready, s.limits.shutdown} {
		if limit <= 0 || limit > 2*time.Minute {
			t.Errorf("a limit of %v, want two minutes at most: %+v", limit, s.limits)
		}
	}
}

// The end waits for a call that runs, but not for ever.
func TestShutdownIsLimited(t *testing.T) {
	s, stop := serve(t, base(t), func(l *limits) { l.shutdown = 50 * time.Millisecond })
	line, err := bufio.NewReader(dial(t, s, halfCall)).ReadString('\n')
	if err != nil || !strings.Contains(line, "100 Continue") {
		t.Fatalf("the call does not wait for its body: %q, %v", line, err)
	}
	if err := stop(); err == nil || !strings.Contains(err.Error(), "50ms") {
		t.Errorf("the end of a node with a call that hangs: %v", err)
	}
}

// While the database does not answer, whether it hangs or is away, a node is not ready; when it does again, it is. The log tells
// each change once, however many ask, and why.
func TestReadyGoesByTheDatabase(t *testing.T) {
	var log bytes.Buffer
	address, err := url.Parse(pgtest.Start(t)(t))
	if err != nil {
		t.Fatal(err)
	}
	address.User = url.UserPassword(address.User.Username(), "hunter2")
	p, through := startProxy(t, address.String())
	c := base(t)
	c.Database, c.IssuerURL, c.Log = through, "http://127.0.0.1:1", slog.New(slog.NewTextHandler(&log, nil))
	s, stop := serve(t, c, func(l *limits) { l.ready = 200 * time.Millisecond })
	probe := func(ctx context.Context) int {
		w := httptest.NewRecorder()
		s.handler().ServeHTTP(w, httptest.NewRequestWithContext(ctx, http.MethodGet, "/readyz", nil))
		return w.Code
	}
	isNotReady := func(while string) {
		t.Helper()
		var many sync.WaitGroup
		for range 8 {
			many.Go(func() {
				if got := probe(t.Context()); got != http.StatusServiceUnavailable {
					t.Errorf("while the database %s: %d", while, got)
				}
			})
		}
		many.Wait()
	}
	recovers := func(when string) {
		t.Helper()
		for until := time.Now().Add(20 * time.Second); probe(t.Context()) != http.StatusOK; time.Sleep(20 * time.Millisecond) {
			if time.Now().After(until) {
				t.Fatalf("%s it is not ready", when)
			}
		}
	}
	recovers("at first")
	gone, hangUp := context.WithCancel(t.Context())
	hangUp()
	if got := probe(gone); got != http.StatusOK {
		t.Errorf("to one who has hung up: %d", got)
	}
	p.hang()
	isNotReady("hangs")
	p.release()
	recovers("after the database has hung")
	p.refuse(true)
	isNotReady("is away")
	p.refuse(false)
	recovers("after the database was away")
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	want := []string{
		`level=WARN msg="not ready" cause="the database gave no answer within 200ms: `, `level=INFO msg="ready again"`,
		`level=WARN msg="not ready" cause=".*the database is unavailable`, `level=INFO msg="ready again"`,
	}
	got := regexp.MustCompile(`level=\S+ msg="(not ready|ready again)".*`).FindAllString(log.String(), -1)
	same := func(line, want string) bool { return regexp.MustCompile("^" + want).MatchString(line) }
	if !slices.EqualFunc(got, want, same) || strings.Contains(log.String(), "hunter2") {
		t.Errorf("the log has:\n%s", &log)
	}
}

// A probe that waited long for its answer does not speak against one that began after it.
func TestReadinessKeepsTheNewerTruth(t *testing.T) {
	var log bytes.Buffer
	var r readiness
	first, second, third, fourth := r.begin(), r.begin(), r.begin(), r.begin()
	for _, row := range []struct {
		probe uint64
		err   error
		want  string // of the log's last line
	}{
		{second, nil, ""},
		{first, errors.New("late"), ""},
		{fourth, errors.New("gone"), "level=WARN msg=\"not ready\" cause=gone\n"},
		{third, nil, ""},
		{r.begin(), errors.New("still"), ""},
		{r.begin(), nil, "level=INFO msg=\"ready again\"\n"},
		{r.begin(), nil, ""},
		{r.begin(), errors.New(strings.Repeat("x", 2*maxCause)), "level=WARN msg=\"not ready\" cause=" + strings.Repeat("x", maxCause) + "\n"},
	} {
		log.Reset()
		r.end(row.probe, row.err, slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		}})))
		if log.String() != row.want {
			t.Errorf("probe %d finds %v: %q", row.probe, row.err, &log)
		}
	}
}

// certificate writes a certificate for 127.0.0.1 and its key, and returns who trusts it.
func certificate(t *testing.T) (cert, key string, pool *x509.CertPool) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	pool = x509.NewCertPool()
	write := func(name, kind string, content []byte) string {
		path, text := filepath.Join(t.TempDir(), name), pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: content})
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		pool.AppendCertsFromPEM(text)
		return path
	}
	return write("cert.pem", "CERTIFICATE", der), write("key.pem", "PRIVATE KEY", pkcs8), pool
}

// With a certificate the port speaks https alone, and the issuer is an https URL.
func TestTLS(t *testing.T) {
	c := base(t)
	var pool *x509.CertPool
	c.TLSCert, c.TLSKey, pool = certificate(t)
	s, _ := serve(t, c, func(*limits) {})
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}}
	defer client.CloseIdleConnections()
	reply, err := client.Get("https://" + s.Addr() + "/.well-known/openid-configuration")
	if err != nil {
		t.Fatal(err)
	}
	defer reply.Body.Close()
	if body, _ := io.ReadAll(reply.Body); !strings.Contains(string(body), `"issuer":"https://`+s.Addr()+`"`) {
		t.Errorf("discovery is %s", body)
	}
	plain, err := http.Get("http://" + s.Addr() + "/healthz")
	if err != nil {
		t.Fatal(err)
	}
	_ = plain.Body.Close()
	if plain.StatusCode != http.StatusBadRequest {
		t.Errorf("http is answered with %d", plain.StatusCode)
	}
}
