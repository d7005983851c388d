package pooltest

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"encoding/xml"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"idpool/iam"
	"idpool/server"
	"idpool/wire"
)

// Account and Region are where a node's own calls go.
const (
	Account = "123456789012"
	Region  = "us-east-1"
)

// Object is a JSON object.
type Object = map[string]any

// Node is a running idpool.
type Node struct {
	URL   string
	Root  wire.Key // of Account
	Clock *Clock
	Log   *Log
	data  string // its files
	stop  func()
}

// Clock is a clock that a test sets. It starts at the real time, cut to the second.
type Clock struct {
	mu  sync.Mutex
	now time.Time
}

// Now reads the clock.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Advance sets the clock forward.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// Log is what a node has logged: JSON, a line an entry.
type Log struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *Log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *Log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// Start runs a node until the test ends. Options change its configuration.
func Start(t testing.TB, options ...func(*server.Config)) *Node {
	t.Helper()
	n := &Node{Clock: &Clock{now: time.Now().Truncate(time.Second)}, Log: &Log{}}
	key := iam.StaticKey{ID: "AKIAROOTOFTHETEST000", Secret: rand.Text()}
	c := server.Config{
		Listen: "127.0.0.1:0", Data: t.TempDir(), Account: Account, RootKey: &key,
		Log: slog.New(slog.NewJSONHandler(n.Log, nil)), Out: n.Log, Now: n.Clock.Now, Rand: rand.Reader,
	}
	for _, option := range options {
		option(&c)
	}
	n.data = c.Data
	n.Root = wire.Key{Secret: key.Secret, Caller: iam.Root(Account, key.ID)}
	ctx, cancel := context.WithCancel(context.Background())
	s, err := server.Open(ctx, c)
	if err != nil {
		cancel()
		t.Fatal(err)
	}
	n.URL = "http://" + s.Addr()
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx) }()
	n.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("the node ended with: %v", err)
		}
		s.Close()
	})
	t.Cleanup(n.Stop)
	return n
}

// Stop ends the node, as SIGTERM does, before its test ends.
func (n *Node) Stop() { n.stop() }

// Reply is what a call was answered.
type Reply struct {
	Status int
	Header http.Header
	Body   []byte
}

// Code is the error's code, empty for success.
func (r *Reply) Code() string {
	if r.Status == http.StatusOK {
		return ""
	}
	var j struct {
		Type string `json:"__type"`
	}
	if json.Unmarshal(r.Body, &j) == nil {
		return j.Type
	}
	var x struct {
		Error struct{ Code string }
	}
	_ = xml.Unmarshal(r.Body, &x)
	return x.Error.Code
}

// Message is the error's text, empty for success.
func (r *Reply) Message() string {
	var j struct{ Message string }
	if json.Unmarshal(r.Body, &j) == nil {
		return j.Message
	}
	var x struct {
		Error struct{ Message string }
	}
	_ = xml.Unmarshal(r.Body, &x)
	return x.Error.Message
}

// Object is the reply of a JSON service.
func (r *Reply) Object(t testing.TB) Object {
	t.Helper()
	var o Object
	if err := json.Unmarshal(r.Body, &o); err != nil {
		t.Fatalf("reply %q: %v", r.Body, err)
	}
	return o
}

// Element is the text of the first element of that name in a reply of a Query service.
func (r *Reply) Element(name string) string {
	_, rest, _ := strings.Cut(string(r.Body), "<"+name+">")
	text, _, _ := strings.Cut(rest, "</"+name+">")
	return text
}

// Must fails the test unless the call has succeeded.
func (r *Reply) Must(t testing.TB) *Reply {
	t.Helper()
	if r.Status != http.StatusOK {
		t.Fatalf("status %d: %s", r.Status, r.Body)
	}
	return r
}

const target = "AWSCognitoIdentityService."

// Public calls a public operation of the identity pools.
func (n *Node) Public(t testing.TB, operation string, in any) *Reply {
	t.Helper()
	r, _ := n.JSON(t, target+operation, in)
	return n.Do(t, r)
}

// Signed calls an operation of the identity pools as the root.
func (n *Node) Signed(t testing.TB, operation string, in any) *Reply {
	t.Helper()
	return n.SignedAs(t, n.Root, Region, operation, in)
}

// SignedAs is Signed with another key, for another region.
func (n *Node) SignedAs(t testing.TB, key wire.Key, region, operation string, in any) *Reply {
	t.Helper()
	r, body := n.JSON(t, target+operation, in)
	wire.Sign(r, body, key, region, "cognito-identity", n.Clock.Now())
	return n.Do(t, r)
}

// JSON makes a request of JSON 1.1, not yet signed. In is a string of JSON, or what makes one.
func (n *Node) JSON(t testing.TB, target string, in any) (*http.Request, []byte) {
	t.Helper()
	body, err := json.Marshal(in)
	if text, ok := in.(string); ok {
		body, err = []byte(text), nil
	}
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, n.URL+"/", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-amz-json-1.1")
	r.Header.Set("X-Amz-Target", target)
	return r, body
}

// IAM calls an IAM operation as the root; params are names and values in turn.
func (n *Node) IAM(t testing.TB, action string, params ...string) *Reply {
	t.Helper()
	r, body := n.Query(t, "2010-05-08", action, params...)
	wire.Sign(r, body, n.Root, Region, "iam", n.Clock.Now())
	return n.Do(t, r)
}

// STS calls an STS operation: with a key signed, with the zero key not.
func (n *Node) STS(t testing.TB, key wire.Key, session, action string, params ...string) *Reply {
	t.Helper()
	r, body := n.Query(t, "2011-06-15", action, params...)
	if session != "" {
		r.Header.Set("X-Amz-Security-Token", session)
	}
	if key.Secret != "" {
		wire.Sign(r, body, key, Region, "sts", n.Clock.Now())
	}
	return n.Do(t, r)
}

// NewAccount makes another account and returns its root's key.
func (n *Node) NewAccount(t testing.TB, id string) wire.Key {
	t.Helper()
	r, body := n.JSON(t, "IdpoolAdmin.CreateAccount", Object{"AccountId": id})
	made := n.Send(t, r, body, n.Root, "", "idpool").Must(t).Object(t)
	keyID := made["AccessKeyId"].(string)
	return wire.Key{Secret: made["SecretAccessKey"].(string), Caller: iam.Root(id, keyID)}
}

// Send signs a request of JSON or Query with a key, and with a session token unless that is empty, and sends it.
func (n *Node) Send(t testing.TB, r *http.Request, body []byte, key wire.Key, session, service string) *Reply {
	t.Helper()
	if session != "" {
		r.Header.Set("X-Amz-Security-Token", session)
	}
	wire.Sign(r, body, key, Region, service, n.Clock.Now())
	return n.Do(t, r)
}

// Query makes a request of the Query protocol, not yet signed.
func (n *Node) Query(t testing.TB, version, action string, params ...string) (*http.Request, []byte) {
	t.Helper()
	form := url.Values{"Action": {action}, "Version": {version}}
	for i := 0; i+1 < len(params); i += 2 {
		form.Set(params[i], params[i+1])
	}
	body := []byte(form.Encode())
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, n.URL+"/", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	return r, body
}

// Do sends a request.
func (n *Node) Do(t testing.TB, r *http.Request) *Reply {
	t.Helper()
	reply, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = reply.Body.Close() }()
	body, err := io.ReadAll(reply.Body)
	if err != nil {
		t.Fatal(err)
	}
	return &Reply{Status: reply.StatusCode, Header: reply.Header, Body: body}
}
