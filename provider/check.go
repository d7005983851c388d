package provider

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/go-json-experiment/json"

	"idpool/wire"
)

// Check is how to ask whether a user of a user pool may still sign in. Which kind sees what:
//
//	cognito-idp    AdminGetUser of the user-pool API: deletion and disabling, not a sign-out
//	introspection  OAuth 2.0 token introspection (RFC 7662): whatever the server counts as inactive
//	http           a URL of the operator's own: deletion, disabling, and by not_before a sign-out
type Check struct {
	Kind string `yaml:"kind"`

	// URL is asked. Of cognito-idp it may be absent: then it is the pool's endpoint. Of http it may hold {sub}, {username} and
	// {pool}, the pool's id, in the path or in the query.
	URL string `yaml:"url"`

	AccessKeyID     string `yaml:"access-key-id"` // cognito-idp: may call AdminGetUser
	SecretAccessKey string `yaml:"secret-access-key"`

	ClientID     string `yaml:"client-id"` // introspection: HTTP Basic
	ClientSecret string `yaml:"client-secret"`

	Method        string `yaml:"method"`        // http: GET, the default, or POST with {"pool","sub","username"} as JSON
	Authorization string `yaml:"authorization"` // http: the header, such as "Bearer SECRET"; none if empty
}

// The kinds of Check.
const (
	byCognito       = "cognito-idp"
	byIntrospection = "introspection"
	byHTTP          = "http"
)

func (k *Check) validate() error {
	if k.URL != "" {
		if err := checkNamedURL(k.URL); err != nil {
			return fmt.Errorf("url: %w", err)
		}
	}
	for _, text := range []string{k.ClientID, k.ClientSecret, k.AccessKeyID, k.SecretAccessKey, k.Authorization} {
		if strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r > '~' }) {
			return errors.New("secrets and names are printable ASCII on one line")
		}
	}
	foreign := func(kind string, texts ...string) bool { return k.Kind != kind && strings.Join(texts, "") != "" }
	switch {
	case k.Kind != byCognito && k.Kind != byIntrospection && k.Kind != byHTTP:
		return fmt.Errorf("kind: write %s, %s or %s", byCognito, byIntrospection, byHTTP)
	case foreign(byCognito, k.AccessKeyID, k.SecretAccessKey):
		return errors.New("access-key-id and secret-access-key are for kind " + byCognito)
	case foreign(byIntrospection, k.ClientID, k.ClientSecret):
		return errors.New("client-id and client-secret are for kind " + byIntrospection)
	case foreign(byHTTP, k.Method, k.Authorization):
		return errors.New("method and authorization are for kind " + byHTTP)
	case k.Kind != byCognito && k.URL == "":
		return errors.New("url: give the URL to ask")
	case k.Kind == byCognito && (k.AccessKeyID == "" || k.SecretAccessKey == ""):
		return errors.New("give access-key-id and secret-access-key, of a user who may call AdminGetUser for the pool")
	case k.Kind == byIntrospection && k.ClientID == "":
		return errors.New("give client-id, and its client-secret, by which the server knows who introspects")
	case k.Method != "" && k.Method != http.MethodGet && k.Method != http.MethodPost:
		return errors.New("method: write GET or POST")
	case k.Kind != byHTTP && strings.ContainsAny(k.URL, "{}"):
		return errors.New("url: only kind " + byHTTP + " has {sub}, {username} and {pool} in it")
	}
	if rest := strings.NewReplacer("{sub}", "", "{username}", "", "{pool}", "").Replace(k.URL); strings.ContainsAny(rest, "{}") {
		return errors.New("url: there are {sub}, {username} and {pool}, and no others")
	}
	return nil
}

// inactive refuses as the original does; the log has the reason.
func inactive(reason string) error { return reject(isInactive, reason) }

// CheckUser asks whether the user of a verified token was deleted, disabled or signed out since. It asks every time, and
// nothing is kept of the answers. *Rejected says that he was; *Unavailable that nobody could tell, which is no leave to
// go on.
func (v *Verifier) CheckUser(ctx context.Context, pool string, c *Claims, token string) error {
	v.once.Do(v.init)
	under, s := v.Settings.of(pool)
	if s.Check == nil {
		return &Unavailable{pool, errors.New("the pool asks for a server-side check, and the configuration has none for it")}
	}
	q := question{pool: pool, sub: c.Subject, claims: c, token: token}
	username, _ := c.Claim("cognito:username")
	q.username, _ = username.(string)

	ask, read := askHTTP, (*question).readActive
	switch s.Check.Kind {
	case byCognito:
		ask, read = v.askCognito, (*question).readCognito
	case byIntrospection:
		ask = askIntrospection
	}
	r, err := ask(&s, &q)
	if err != nil {
		return &Unavailable{pool, err}
	}
	status, body, err := v.call(ctx, under, r)
	if err != nil {
		return err
	}
	err = read(&q, status, body)
	if err == nil || errors.As(err, new(*Rejected)) {
		return err
	}
	return &Unavailable{pool, err}
}

// question is whom a check is about.
type question struct {
	pool          string
	sub, username string // username may be empty
	claims        *Claims
	token         string
}

// split takes a pool's name apart.
func (q *question) split() (region, id string) {
	m := userPoolName.FindStringSubmatch(q.pool)
	if m == nil {
		return "", ""
	}
	return m[1], strings.TrimPrefix(m[2], "/")
}

// newRequest leaves contexts to call, which sets its own.
func newRequest(method, url string, body []byte) (*http.Request, error) {
	r, err := http.NewRequest(method, url, bytes.NewReader(body))
	if err != nil {
		return nil, errNotURL
	}
	return r, nil
}

// askCognito makes an AdminGetUser (Cognito user pools API reference). The user is found by name or, failing that, by sub.
func (v *Verifier) askCognito(s *Setting, q *question) (*http.Request, error) {
	region, id := q.split()
	at := cmp.Or(s.Check.URL, s.Endpoint, "https://cognito-idp."+region+".amazonaws.com")
	body, err := json.Marshal(map[string]string{"UserPoolId": id, "Username": cmp.Or(q.username, q.sub)})
	if err != nil {
		return nil, err
	}
	r, err := newRequest(http.MethodPost, strings.TrimSuffix(at, "/")+"/", body)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/x-amz-json-1.1")
	r.Header.Set("X-Amz-Target", "AWSCognitoIdentityProviderService.AdminGetUser")
	key := wire.Key{Secret: s.Check.SecretAccessKey, Caller: wire.Caller{AccessKeyID: s.Check.AccessKeyID}}
	wire.Sign(r, body, key, region, "cognito-idp", v.Now())
	return r, nil
}

func (q *question) readCognito(status int, body []byte) error {
	var a struct {
		Type       string `json:"__type"`
		Enabled    *bool
		UserStatus string
		Attributes []struct{ Name, Value string } `json:"UserAttributes"`
	}
	if json.Unmarshal(body, &a) != nil {
		return fmt.Errorf("AdminGetUser: status %d, and no JSON object", status)
	}
	if status != http.StatusOK {
		_, code, _ := strings.Cut("#"+a.Type, "#")
		code = code[strings.LastIndexByte(code, '#')+1:]
		if code, _, _ = strings.Cut(code, ":"); code == "UserNotFoundException" {
			return inactive("the user was deleted")
		}
		return fmt.Errorf("AdminGetUser: status %d, %.64q", status, code)
	}
	switch {
	case a.Enabled == nil:
		return errors.New("AdminGetUser: the answer lacks Enabled")
	case !*a.Enabled:
		return inactive("the user was disabled")
	case a.UserStatus == "ARCHIVED", a.UserStatus == "COMPROMISED":
		return inactive("the user's status is " + a.UserStatus)
	}
	for _, attribute := range a.Attributes {
		switch {
		case attribute.Name != "sub":
		case attribute.Value != q.sub: // names may be used again, a sub never is
			return inactive("the user was deleted, and another has his name now")
		default:
			return nil
		}
	}
	return errors.New("AdminGetUser: the answer lacks sub")
}

// askIntrospection makes a request by RFC 7662, section 2.1.
func askIntrospection(s *Setting, q *question) (*http.Request, error) {
	form := url.Values{"token": {q.token}}
	r, err := newRequest(http.MethodPost, s.Check.URL, []byte(form.Encode()))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	// Both are form-encoded first (RFC 6749, section 2.3.1).
	r.SetBasicAuth(url.QueryEscape(s.Check.ClientID), url.QueryEscape(s.Check.ClientSecret))
	return r, nil
}

// readActive reads what introspection and the operator's own URL answer: {"active": bool}, and perhaps "not_before", seconds
// since 1970: the user signed out then, and tokens issued before are worth nothing. Only 200 is an answer: a server that
// doesn't know who asks says 401, and nothing of the user.
func (q *question) readActive(status int, body []byte) error {
	var a struct {
		Active    *bool    `json:"active"`
		NotBefore *float64 `json:"not_before"`
	}
	if status != http.StatusOK {
		return fmt.Errorf("the check: status %d", status)
	}
	if json.Unmarshal(body, &a) != nil || a.Active == nil {
		return errors.New("the check: the answer is no JSON object with active, true or false")
	}
	notBefore, ok := moment(a.NotBefore)
	switch {
	case !ok:
		return errors.New("the check: not_before is no time in seconds since 1970")
	case !*a.Active:
		return inactive("the check says so")
	case q.claims.IssuedAt.Before(notBefore):
		return inactive("the user signed out after the token was issued")
	}
	return nil
}

// fill puts what is known of the user into the operator's URL.
func (q *question) fill(template string) (string, error) {
	_, id := q.split()
	path, query, found := strings.Cut(template, "?")
	for name, value := range map[string]string{"{sub}": q.sub, "{username}": q.username, "{pool}": id} {
		// A user may have chosen his name so that another path is asked: many servers take escaped dots and slashes for
		// plain ones.
		inPath := strings.Contains(path, name)
		if inPath && (value == "." || value == ".." || strings.ContainsAny(value, `/\`)) {
			return "", fmt.Errorf("the %s of this user cannot stand in a path; put it into the query, or use {sub}", name)
		}
		if value == "" && (inPath || strings.Contains(query, name)) {
			return "", fmt.Errorf("the token has no %s", name)
		}
		path = strings.ReplaceAll(path, name, url.PathEscape(value))
		query = strings.ReplaceAll(query, name, url.QueryEscape(value))
	}
	if found {
		path += "?" + query
	}
	return path, nil
}

// askHTTP makes a request to the operator's URL.
func askHTTP(s *Setting, q *question) (*http.Request, error) {
	at, err := q.fill(s.Check.URL)
	if err != nil {
		return nil, err
	}
	_, id := q.split()
	method, body := cmp.Or(s.Check.Method, http.MethodGet), []byte(nil)
	if method == http.MethodPost {
		body, err = json.Marshal(map[string]string{"pool": id, "sub": q.sub, "username": q.username})
		if err != nil {
			return nil, err
		}
	}
	r, err := newRequest(method, at, body)
	if err != nil {
		return nil, err
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if s.Check.Authorization != "" {
		r.Header.Set("Authorization", s.Check.Authorization)
	}
	return r, nil
}
