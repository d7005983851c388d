package server_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"idpool/pooltest"
	"idpool/server"
	"idpool/wire"
)

func get(t *testing.T, node *pooltest.Node, method, path string, headers ...string) *pooltest.Reply {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, node.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		if headers[i] == "Host" {
			r.Host = headers[i+1]
		}
		r.Header.Set(headers[i], headers[i+1])
	}
	return node.Do(t, r)
}

func TestPaths(t *testing.T) {
	node := pooltest.Start(t)
	for _, tt := range []struct {
		path        string
		status      int
		contentType string
	}{
		{"/healthz", 200, "text/plain; charset=utf-8"},
		{"/readyz", 200, "text/plain; charset=utf-8"},
		{"/.well-known/openid-configuration", 200, "application/json"},
		{"/.well-known/jwks_uri", 200, "application/json"},
		{"/.well-known/jwks.json", 200, "application/json"},
		{"/metrics", 404, ""},
		{"/debug/pprof/", 404, ""},
		{"/anything", 404, ""},
	} {
		reply := get(t, node, http.MethodGet, tt.path)
		if reply.Status != tt.status {
			t.Errorf("GET %s: %d, want %d", tt.path, reply.Status, tt.status)
		}
		if got := reply.Header.Get("Content-Type"); tt.contentType != "" && got != tt.contentType {
			t.Errorf("GET %s: %s, want %s", tt.path, got, tt.contentType)
		}
	}
}

func TestAdminListen(t *testing.T) {
	port, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := port.Addr().String()
	port.Close()
	node := pooltest.Start(t, func(c *server.Config) { c.AdminListen = address })
	node.Public(t, "GetId", pooltest.Object{"IdentityPoolId": "us-east-1:0"})
	reply, err := http.Get("http://" + address + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer reply.Body.Close()
	body, _ := io.ReadAll(reply.Body)
	want := `idpool_calls_total{code="ResourceNotFoundException",operation="GetId",service="cognito-identity"} 1`
	if !strings.Contains(string(body), want) {
		t.Errorf("metrics lack %s", want)
	}
	for path, status := range map[string]int{
		"/debug/pprof/": 200, "/debug/pprof/goroutine?debug=1": 200, "/debug/pprof/cmdline": 404, "/debug/pprof/symbol": 200,
		"/debug/pprof/trace?seconds=0.01": 200, "/": 404,
	} {
		client := http.Client{Timeout: 20 * time.Second}
		reply, err := client.Get("http://" + address + path)
		if err != nil {
			t.Fatal(err)
		}
		_ = reply.Body.Close()
		if reply.StatusCode != status {
			t.Errorf("GET %s: %d, want %d", path, reply.StatusCode, status)
		}
	}
}

// TestCORS is what a browser's SDK needs: a preflight for the headers it sends, and the error's headers exposed.
func TestCORS(t *testing.T) {
	for _, tt := range []struct {
		name, origin, allowed string
		dev                   bool
	}{
		{"any page", "https://app.example.com", "*", false},
		{"dev: a page of this machine", "http://localhost:3000", "http://localhost:3000", true},
		{"dev: another page", "https://evil.example.com", "", true},
		{"dev: a page that looks like this machine", "http://localhost.evil.example.com", "", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			node := pooltest.Start(t, func(c *server.Config) { c.Dev = tt.dev })
			const wanted = "authorization,content-type,x-amz-date,x-amz-target,x-amz-user-agent"
			reply := get(t, node, http.MethodOptions, "/", "Origin", tt.origin, "Access-Control-Request-Method", "POST",
				"Access-Control-Request-Headers", wanted)
			if got := reply.Header.Get("Access-Control-Allow-Origin"); got != tt.allowed {
				t.Errorf("preflight allows %q, want %q", got, tt.allowed)
			}
			if got := reply.Header.Get("Access-Control-Allow-Headers"); tt.allowed != "" && got != wanted {
				t.Errorf("preflight allows the headers %q", got)
			}
			r, _ := node.JSON(t, "AWSCognitoIdentityService.GetId", "{}")
			r.Header.Set("Origin", tt.origin)
			reply = node.Do(t, r)
			if (reply.Status == http.StatusForbidden) != (tt.allowed == "") {
				t.Errorf("the call is answered with %d", reply.Status)
			}
			if got := reply.Header.Get("Access-Control-Allow-Origin"); got != tt.allowed {
				t.Errorf("the call allows %q, want %q", got, tt.allowed)
			}
			if got := reply.Header.Get("Access-Control-Expose-Headers"); tt.allowed != "" && got != "x-amzn-RequestId,x-amzn-ErrorType,x-amzn-ErrorMessage,Date" {
				t.Errorf("exposed: %q", got)
			}
		})
	}
}

// A page of another site cannot reach a --dev node by a name of its own that it has pointed at this machine.
func TestDevHosts(t *testing.T) {
	node := pooltest.Start(t, func(c *server.Config) { c.Dev = true })
	port := node.URL[strings.LastIndex(node.URL, ":"):]
	for host, status := range map[string]int{
		"localhost" + port: 200, "127.0.0.1" + port: 200, "[::1]" + port: 200, "localhost": 200,
		"evil.example.com": 421, "evil.example.com" + port: 421, "localhost.evil.example.com": 421,
	} {
		if got := get(t, node, http.MethodGet, "/healthz", "Host", host).Status; got != status {
			t.Errorf("Host %s: %d, want %d", host, got, status)
		}
	}
}

// A page of another machine reaches a --dev node neither by a call nor by a presigned URL that it shows as an image.
func TestDevPages(t *testing.T) {
	node := pooltest.Start(t, func(c *server.Config) { c.Dev = true })
	for _, tt := range []struct {
		header, value string
		status        int
	}{
		{"Origin", "https://evil.example.com", 403},
		{"Origin", "null", 403},
		{"Sec-Fetch-Site", "cross-site", 403},
		{"Origin", "http://localhost:3000", 200},
		{"Sec-Fetch-Site", "same-site", 200},
		{"Sec-Fetch-Site", "none", 200},
	} {
		if got := get(t, node, http.MethodGet, "/healthz", tt.header, tt.value).Status; got != tt.status {
			t.Errorf("%s: %s: %d, want %d", tt.header, tt.value, got, tt.status)
		}
	}
}

func TestLogLine(t *testing.T) {
	node := pooltest.Start(t)
	reply := node.Signed(t, "DescribeIdentityPool", pooltest.Object{"IdentityPoolId": "us-east-1:0"})
	node.Stop()
	id := reply.Header.Get("X-Amzn-Requestid")
	for line := range strings.SplitSeq(node.Log.String(), "\n") {
		if !strings.Contains(line, id) {
			continue
		}
		var entry map[string]any
		if err := json.Unmarshal([]byte(line), &entry); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		for key, want := range map[string]any{
			"operation": "DescribeIdentityPool", "code": "ResourceNotFoundException", "status": 400.0, "account": pooltest.Account,
		} {
			if entry[key] != want {
				t.Errorf("%s is %v, want %v", key, entry[key], want)
			}
		}
		return
	}
	t.Errorf("no line of the log has the request id %s", id)
}

// No secret that goes through a node is in its log: no token, no secret key, no session token.
func TestNothingSecretIsLogged(t *testing.T) {
	node := pooltest.Start(t)
	idp := pooltest.NewProvider(t)
	pool := node.Pool(t, idp)
	good, foreign := idp.Token("app", "alice"), idp.Token("other", "alice")
	logins := pooltest.Object{idp.Name(): good}
	id := node.Public(t, "GetId", pooltest.Object{"IdentityPoolId": pool, "Logins": logins}).Must(t).Object(t)["IdentityId"]
	given := node.Public(t, "GetCredentialsForIdentity", pooltest.Object{"IdentityId": id, "Logins": logins}).Must(t).Object(t)
	c := given["Credentials"].(pooltest.Object)
	minted := node.Public(t, "GetOpenIdToken", pooltest.Object{"IdentityId": id, "Logins": logins}).Must(t).Object(t)["Token"].(string)
	node.Public(t, "GetId", pooltest.Object{"IdentityPoolId": pool, "Logins": pooltest.Object{idp.Name(): foreign}})
	node.Public(t, "GetId", pooltest.Object{"IdentityPoolId": pool, "Logins": pooltest.Object{"x": good, "": foreign}})
	wrong := wire.Key{Secret: "wrong", Caller: wire.Caller{AccessKeyID: c["AccessKeyId"].(string)}}
	node.STS(t, wrong, c["SessionToken"].(string), "GetCallerIdentity")
	node.STS(t, wire.Key{}, "", "AssumeRoleWithWebIdentity", "RoleArn", "arn:aws:iam::"+pooltest.Account+":role/None", "RoleSessionName", "xx", "WebIdentityToken", minted)
	node.Stop()
	for name, secret := range map[string]string{
		"a login's token": good, "a refused token": foreign, "our token": minted, "the secret key": c["SecretKey"].(string),
		"the session token": c["SessionToken"].(string), "the root's secret": node.Root.Secret,
	} {
		// The second half too: a log that cut the value would still betray it.
		if log := node.Log.String(); strings.Contains(log, secret) || strings.Contains(log, secret[len(secret)/2:]) {
			t.Errorf("%s is in the log", name)
		}
	}
}

// Behind a trusted proxy the client's address and the host that it signed are the forwarded ones; from anybody else the
// headers are noise.
func TestForwarded(t *testing.T) {
	for _, tt := range []struct {
		name    string
		trusted []netip.Prefix
		ok      bool
		remote  string
	}{
		{"trusted", []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, true, "203.0.113.9"},
		{"not trusted", nil, false, "127.0.0.1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			node := pooltest.Start(t, func(c *server.Config) { c.TrustedProxies = tt.trusted })
			r, body := node.JSON(t, "AWSCognitoIdentityService.ListIdentityPools", `{"MaxResults":1}`)
			r.Host = "id.example.com"
			wire.Sign(r, body, node.Root, pooltest.Region, "cognito-identity", node.Clock.Now())
			r.Host = "backend"
			r.Header.Set("X-Forwarded-Host", "id.example.com")
			r.Header.Set("X-Forwarded-For", "198.51.100.1, 203.0.113.9, 127.0.0.2")
			reply := node.Do(t, r)
			if (reply.Status == http.StatusOK) != tt.ok {
				t.Errorf("status %d: %s", reply.Status, reply.Body)
			}
			node.Stop()
			log := node.Log.String()
			if !strings.Contains(log, `"remote":"`+tt.remote) {
				t.Errorf("the log lacks the address %s", tt.remote)
			}
			if !tt.ok && !strings.Contains(log, "backend") {
				t.Error("the log of a refused signature does not name the host that came in")
			}
		})
	}
}

// What other goroutines make while nodes start has the mode that they gave it: the mode of the socket is not the process's umask.
func TestSocketLeavesOtherFilesAlone(t *testing.T) {
	var starting sync.WaitGroup
	for range 4 {
		starting.Go(func() { pooltest.Start(t) })
	}
	started := make(chan struct{})
	go func() { starting.Wait(); close(started) }()
	dir := t.TempDir()
	for i := 0; ; i++ {
		made := filepath.Join(dir, strconv.Itoa(i))
		if err := os.Mkdir(made, 0o700); err != nil {
			t.Fatal(err)
		}
		if info, err := os.Stat(made); err != nil || info.Mode().Perm() != 0o700 {
			t.Fatalf("a folder has mode %v, %v", info.Mode(), err)
		}
		select {
		case <-started:
			return
		default:
		}
	}
}

// Another command reaches the node by the socket in its data directory, whose mode guards it.
func TestSocket(t *testing.T) {
	var data string
	node := pooltest.Start(t, func(c *server.Config) { data = c.Data })
	if info, err := os.Stat(filepath.Join(data, server.SocketName)); err != nil || info.Mode() != os.ModeSocket|0o600 {
		t.Errorf("the socket's mode: %v, %v", info.Mode(), err)
	}
	client := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", filepath.Join(data, server.SocketName))
	}}}
	defer client.CloseIdleConnections()
	call := func(target, body string) (int, string) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://idpool/", bytes.NewBufferString(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/x-amz-json-1.1")
		r.Header.Set("X-Amz-Target", target)
		reply, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer reply.Body.Close()
		b, _ := io.ReadAll(reply.Body)
		return reply.StatusCode, string(b)
	}
	status, body := call("IdpoolAdmin.CreateAccount", `{"AccountId":"222222222222"}`)
	if status != http.StatusOK {
		t.Fatalf("%d %s", status, body)
	}
	var made struct{ AccessKeyId, SecretAccessKey string }
	if err := json.Unmarshal([]byte(body), &made); err != nil {
		t.Fatal(err)
	}
	key := wire.Key{Secret: made.SecretAccessKey, Caller: wire.Caller{AccessKeyID: made.AccessKeyId}}
	who := node.STS(t, key, "", "GetCallerIdentity").Must(t)
	if got := who.Element("Arn"); got != "arn:aws:iam::222222222222:root" {
		t.Errorf("the new key is %s", got)
	}
	if status, body := call("AWSCognitoIdentityService.ListIdentityPools", `{"MaxResults":1}`); status == http.StatusOK {
		t.Errorf("the socket answers the API: %s", body)
	}
}
