package provider

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// maxAccessToken is in bytes: Amazon's have 2,048 at most, others hundreds, and servers refuse long URLs.
const maxAccessToken = 4096

// accessToken is the one way that tokens go which say nothing by themselves, so that their provider has to be asked.
//
// A good answer counts for five minutes, and never longer than the token; so GetId and the call after it ask once. It is
// kept for this app alone, by the hash of app and token: an app's name may have its secret in it. A bad answer is not kept.
func (v *Verifier) accessToken(ctx context.Context, name, app, token string,
	ask func(ctx context.Context, app, token string) (*Claims, error),
) (*Claims, error) {
	v.once.Do(v.init)
	switch {
	case token == "" || strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }):
		return nil, reject(notAccepted, "empty, or characters that no token of "+name+" has")
	case len(token) > maxAccessToken:
		return nil, reject(notAccepted, "longer than any token of "+name)
	case app == "":
		return nil, reject(notSupported, "the pool has no app id for "+name)
	}
	now := v.Now()
	key := tokenKey{name: name, token: sha256.Sum256([]byte(app + "\x00" + token))}
	if claims, ok := v.tokens.get(key); ok && now.Before(claims.Expires) {
		return claims, nil
	}
	claims, err := ask(ctx, app, token)
	if err != nil {
		return nil, err
	}
	v.tokens.put(key, claims, now)
	return claims, nil
}

// get asks a provider at its URL, or at the one that the operator put in its place.
func (v *Verifier) get(ctx context.Context, name, own, path string, query url.Values, h http.Header) (int, []byte, error) {
	if _, s := v.Settings.of(name); s.Endpoint != "" {
		own = strings.TrimSuffix(s.Endpoint, "/")
	}
	r, err := http.NewRequest(http.MethodGet, own+path, nil)
	if err != nil {
		return 0, nil, &Unavailable{Issuer: name, Cause: errNotURL}
	}
	r.URL.RawQuery = query.Encode()
	for field := range h {
		r.Header.Set(field, h.Get(field))
	}
	return v.call(ctx, name, r)
}

// vouched are the claims of a token that its provider vouched for. Roles and tags see nothing else of it (developer guide,
// "role-based-access-control": iss, aud and sub of Facebook's and Amazon's). More are names and values in pairs.
//
// Expires is when the answer ends to count, where the token itself has no end or none is known.
func (v *Verifier) vouched(name, app, subject string, expires time.Time, more ...string) *Claims {
	if expires.IsZero() {
		expires = v.Now().Add(tokenLife)
	}
	all := map[string]string{"iss": name, "aud": app, "sub": subject}
	for i := 0; i < len(more); i += 2 {
		all[more[i]] = more[i+1]
	}
	raw, err := json.Marshal(all, json.Deterministic(true))
	if err != nil {
		panic(err) // strings that JSON had, or that were checked
	}
	return &Claims{Issuer: name, Subject: subject, Audience: []string{app}, Expires: expires, Raw: raw}
}

// readAnswer reads what matters of an answer. Providers give their own documents, so that members which stand twice don't
// tell of an attack, but of an answer not understood.
func readAnswer(name string, body []byte, into any) error {
	if !isObject(body) || json.Unmarshal(body, into) != nil {
		return strange(name)
	}
	return nil
}

func strange(name string) error {
	return &Unavailable{Issuer: name, Cause: errors.New("its answer is not as it documents")}
}

// about tells whether a status that refuses is about what was asked. Others are the address's: a gateway's 404 says
// nothing of a token.
func about(status int) bool {
	return status == http.StatusBadRequest || status == http.StatusUnauthorized || status == http.StatusForbidden
}

func notUnderstood(name string, status int) error {
	return &Unavailable{Issuer: name, Cause: fmt.Errorf("status %d", status)}
}

// numeric is an id or a count that providers write as a string or as a number. Empty for null.
type numeric string

func (n *numeric) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	value, err := d.ReadValue()
	if err != nil {
		return err
	}
	switch value.Kind() {
	case '0':
		*n = numeric(value)
	case '"':
		return json.Unmarshal(value, (*string)(n))
	case 'n':
		*n = ""
	default:
		return errors.New("neither a string nor a number")
	}
	return nil
}

// isID tells whether it is an id of digits only, as large as providers have them.
func (n numeric) isID() bool {
	return n != "" && len(n) <= 32 && !strings.ContainsFunc(string(n), func(r rune) bool { return r < '0' || r > '9' })
}
