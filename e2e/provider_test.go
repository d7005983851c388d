package e2e

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
)

// openID is a real OpenID provider that runs beside the test.
type openID struct {
	*process
	issuer  string // the iss of its tokens
	address string // http://127.0.0.1:PORT, where it listens
	user    string // somebody it knows, by the name to sign in with
	subject string // the same, as its tokens name them
	roots   *x509.CertPool
}

// What both providers are told of the application.
const (
	appClient    = "app"
	otherClient  = "other-app" // oidc-provider only
	clientSecret = "secret"
	callback     = "https://app.example/callback" // nobody goes there
)

// name is the provider's name in Logins maps.
func (p *openID) name() string {
	_, name, _ := strings.Cut(strings.TrimSuffix(p.issuer, "/"), "://")
	return name
}

func (p *openID) arn() string { return "arn:aws:iam::" + account + ":oidc-provider/" + p.name() }

// startOIDCProvider runs npm's oidc-provider, which knows everybody; parts/oidc-provider/op.mjs has the flags.
func startOIDCProvider(t testing.TB, flags ...string) *openID {
	t.Helper()
	script := filepath.Join(npmFolder(t, "parts/oidc-provider"), "op.mjs")
	p := &openID{user: "alice", subject: "alice"}
	p.start(t, "oidc-provider", nodeJS(t), append([]string{script}, flags...)...)
	return p
}

// zitadel builds the provider once in a run; the go command keeps its parts.
var zitadel = sync.OnceValues(func() (string, error) {
	path := filepath.Join(scratch, "zitadel")
	return path, goBuild("parts/zitadel", path, ".")
})

// startZitadel runs zitadel's example. Its issuer ends in a slash; its tokens have an array of audiences, and azp.
func startZitadel(t testing.TB) *openID {
	t.Helper()
	program, err := zitadel()
	if err != nil {
		t.Fatal(err)
	}
	p := &openID{user: "test-user@localhost", subject: "id1"}
	p.start(t, "zitadel", program)
	return p
}

func (p *openID) start(t testing.TB, name, program string, args ...string) {
	t.Helper()
	p.process = start(t, name, environ(), program, args...)
	p.await(t, "it says where it is", func() bool {
		line, found := p.stdout.line(`"issuer"`)
		if !found {
			return false
		}
		var where struct{ Address, Issuer string }
		if err := json.Unmarshal([]byte(line), &where); err != nil {
			t.Fatal(err)
		}
		p.address, p.issuer = where.Address, where.Issuer
		return true
	})
}

// signIn signs a user in to an application with the code flow and PKCE, as a browser would and without one, and returns
// the ID token.
func (p *openID) signIn(t testing.TB, client, user string) string {
	t.Helper()
	var endpoints struct {
		Authorization string `json:"authorization_endpoint"`
		Token         string `json:"token_endpoint"`
	}
	browser := browser(t, p.roots)
	discovery := send(t, browser, get(t, strings.TrimSuffix(p.issuer, "/")+"/.well-known/openid-configuration"))
	if err := json.Unmarshal(discovery.body, &endpoints); err != nil {
		t.Fatalf("discovery of %s: %v: %s", p.issuer, err, discovery.body)
	}
	verifier := rand.Text() + rand.Text() // at least 43 characters (RFC 7636, 4.1)
	challenge := sha256.Sum256([]byte(verifier))
	page := send(t, browser, get(t, endpoints.Authorization+"?"+url.Values{
		"client_id": {client}, "redirect_uri": {callback}, "response_type": {"code"}, "scope": {"openid email"},
		"state": {"s"}, "nonce": {rand.Text()},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(challenge[:])}, "code_challenge_method": {"S256"},
	}.Encode()))
	for range 3 { // a page that asks who it is, and perhaps one that asks for consent
		if page.code() != "" {
			break
		}
		page = send(t, browser, page.fill(t, user))
	}
	if page.code() == "" {
		t.Fatalf("%s: signing %s in led to no code but to %s:\n%s", p.name(), user, page.url, page.body)
	}
	exchange := post(t, endpoints.Token, url.Values{
		"grant_type": {"authorization_code"}, "code": {page.code()}, "redirect_uri": {callback}, "code_verifier": {verifier},
	})
	exchange.SetBasicAuth(client, clientSecret)
	reply := send(t, browser, exchange)
	var tokens struct {
		ID string `json:"id_token"`
	}
	if err := json.Unmarshal(reply.body, &tokens); err != nil || tokens.ID == "" {
		t.Fatalf("%s gave no ID token: %s", endpoints.Token, reply.body)
	}
	return tokens.ID
}

// browser keeps cookies and follows redirects, but not to the application. With nil as roots it trusts whom the system trusts.
func browser(t testing.TB, roots *x509.CertPool) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{
		Jar: jar, Transport: transport, Timeout: patience,
		CheckRedirect: func(next *http.Request, _ []*http.Request) error {
			if strings.HasPrefix(next.URL.String(), callback) {
				return http.ErrUseLastResponse
			}
			return nil
		},
	}
}

// page is what the browser shows.
type page struct {
	url      *url.URL
	location string // of a redirect to the application
	body     []byte
}

func get(t testing.TB, url string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func post(t testing.TB, url string, form url.Values) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return r
}

func send(t testing.TB, browser *http.Client, r *http.Request) *page {
	t.Helper()
	reply, err := browser.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = reply.Body.Close() }()
	body, err := io.ReadAll(reply.Body)
	if err != nil {
		t.Fatal(err)
	}
	return &page{url: reply.Request.URL, location: reply.Header.Get("Location"), body: body}
}

// code is the authorization code, once the provider sends the browser back to the application.
func (p *page) code() string {
	u, err := url.Parse(p.location)
	if err != nil {
		return ""
	}
	return u.Query().Get("code")
}

var (
	formAction  = regexp.MustCompile(`action="([^"]+)"`)
	hiddenInput = regexp.MustCompile(`type="hidden"\s+name="([^"]+)"\s+value="([^"]*)"`)
)

// fill fills in the form of a page. The providers' names for the user's name differ; what a form does not have is ignored.
func (p *page) fill(t testing.TB, user string) *http.Request {
	t.Helper()
	action := formAction.FindSubmatch(p.body)
	if action == nil {
		t.Fatalf("no form at %s: %s", p.url, p.body)
	}
	target, err := p.url.Parse(html.UnescapeString(string(action[1])))
	if err != nil {
		t.Fatal(err)
	}
	form := url.Values{"login": {user}, "username": {user}, "userName": {user}, "password": {"verysecure"}}
	for _, input := range hiddenInput.FindAllSubmatch(p.body, -1) {
		form.Set(string(input[1]), html.UnescapeString(string(input[2])))
	}
	return post(t, target.String(), form)
}
