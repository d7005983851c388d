package provider

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// twitter and digits are names in Logins maps, with a token and its secret, TOKEN;SECRET, for values. The pool has
// CONSUMERKEY;CONSUMERSECRET for them (API reference, CreateIdentityPool).
const (
	twitter = "api.twitter.com"
	digits  = "www.digits.com"
)

// twitter verifies an OAuth 1.0a access token by using it.
func (v *Verifier) twitter(ctx context.Context, app, login string) (*Claims, error) {
	return v.oauth1(ctx, twitter, app, login)
}

// digits is Twitter under another name. Digits ended in 2017 and nobody knows who will own its host, which could vouch for
// anybody: it is not asked, unless the operator names one in its place.
func (v *Verifier) digits(ctx context.Context, app, login string) (*Claims, error) {
	if _, s := v.Settings.of(digits); s.Endpoint == "" {
		return nil, reject(notSupported, "Digits is no more; only an endpoint in the settings could stand in for it")
	}
	return v.oauth1(ctx, digits, app, login)
}

func (v *Verifier) oauth1(ctx context.Context, name, app, login string) (*Claims, error) {
	return v.accessToken(ctx, name, app, login, func(ctx context.Context, app, login string) (*Claims, error) {
		var c oauthCredentials
		var okApp, okLogin bool
		c.consumer, c.consumerSecret, okApp = strings.Cut(app, ";")
		c.token, c.tokenSecret, okLogin = strings.Cut(login, ";")
		switch {
		case !okApp || c.consumer == "" || c.consumerSecret == "":
			return nil, reject(notSupported, "the pool's value is not CONSUMERKEY;CONSUMERSECRET")
		case !okLogin || c.token == "" || c.tokenSecret == "":
			return nil, reject(notAccepted, "the login is not TOKEN;SECRET")
		}
		return v.askTwitter(ctx, name, &c)
	})
}

// askTwitter asks whose a token is (API reference v1.1, GET account/verify_credentials). Neither secret leaves us. The
// consumer key alone is the audience, also where the original says that tags see CONSUMERKEY;CONSUMERSECRET.
func (v *Verifier) askTwitter(ctx context.Context, name string, c *oauthCredentials) (*Claims, error) {
	const path = "/1.1/account/verify_credentials.json"
	_, s := v.Settings.of(name)
	endpoint := "https://api.twitter.com"
	if s.Endpoint != "" {
		endpoint = strings.TrimSuffix(s.Endpoint, "/")
	}
	query := url.Values{"include_entities": {"false"}, "skip_status": {"true"}}
	header := http.Header{"Authorization": {c.authorize(http.MethodGet, endpoint+path, query, rand.Text(), v.Now())}}
	status, body, err := v.get(ctx, name, endpoint, path, query, header)
	switch {
	case err != nil:
		return nil, err
	case about(status):
		return nil, twitterRefusal(name, body)
	case status != http.StatusOK:
		return nil, notUnderstood(name, status)
	}
	return v.twitterClaims(name, c.consumer, body)
}

func (v *Verifier) twitterClaims(name, consumer string, body []byte) (*Claims, error) {
	var user struct {
		ID numeric `json:"id_str"`
	}
	if err := readAnswer(name, body, &user); err != nil {
		return nil, err
	}
	if !user.ID.isID() {
		return nil, strange(name)
	}
	return v.vouched(name, consumer, string(user.ID), time.Time{}), nil
}

// twitterRefusal reads why (API reference, "Response codes"). Some reasons are not the token's: the limit of calls (88), our
// clock (135), and what the app may use (416, 453).
func twitterRefusal(name string, body []byte) error {
	var answer struct {
		Errors []struct {
			Code int `json:"code"`
		} `json:"errors"`
	}
	if err := readAnswer(name, body, &answer); err != nil {
		return err
	}
	if len(answer.Errors) == 0 {
		return strange(name)
	}
	code := answer.Errors[0].Code
	cause := fmt.Errorf("%s answers with code %d", name, code)
	if slices.Contains([]int{88, 130, 131, 135, 416, 453}, code) {
		return &Unavailable{name, cause}
	}
	return &Rejected{notAccepted, cause}
}

// oauthCredentials sign requests by OAuth 1.0a (RFC 5849).
type oauthCredentials struct {
	consumer, consumerSecret string
	token, tokenSecret       string
}

// authorize returns the header of a signed request: section 3.5.1, with HMAC-SHA1, which is all that Twitter takes. Address
// is the URL without its query.
func (c *oauthCredentials) authorize(method, address string, query url.Values, nonce string, now time.Time) string {
	own := url.Values{
		"oauth_consumer_key":     {c.consumer},
		"oauth_nonce":            {nonce},
		"oauth_signature_method": {"HMAC-SHA1"},
		"oauth_timestamp":        {strconv.FormatInt(now.Unix(), 10)},
		"oauth_token":            {c.token},
		"oauth_version":          {"1.0"},
	}
	base := signatureBase(method, address, query, own)
	own.Set("oauth_signature", c.sign(base))
	var fields []string
	for name, values := range own {
		fields = append(fields, percent(name)+`="`+percent(values[0])+`"`)
	}
	slices.Sort(fields)
	return "OAuth " + strings.Join(fields, ", ")
}

// sign is section 3.4.2.
func (c *oauthCredentials) sign(base string) string {
	mac := hmac.New(sha1.New, []byte(percent(c.consumerSecret)+"&"+percent(c.tokenSecret)))
	mac.Write([]byte(base))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// signatureBase is section 3.4.1: what is signed of a request.
func signatureBase(method, address string, params ...url.Values) string {
	var pairs [][2]string
	for _, values := range params {
		for name, list := range values {
			for _, value := range list {
				pairs = append(pairs, [2]string{percent(name), percent(value)})
			}
		}
	}
	slices.SortFunc(pairs, func(a, b [2]string) int { return slices.Compare(a[:], b[:]) })
	lines := make([]string, len(pairs))
	for i, p := range pairs {
		lines[i] = p[0] + "=" + p[1]
	}
	return strings.ToUpper(method) + "&" + percent(baseURI(address)) + "&" + percent(strings.Join(lines, "&"))
}

// baseURI is section 3.4.1.2: scheme and host in lower case, the port where it is not the scheme's.
func baseURI(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return address
	}
	host := strings.ToLower(u.Host)
	if port := u.Port(); u.Scheme == "http" && port == "80" || u.Scheme == "https" && port == "443" {
		host = strings.TrimSuffix(host, ":"+port)
	}
	path := u.EscapedPath()
	if path == "" {
		path = "/"
	}
	return strings.ToLower(u.Scheme) + "://" + host + path
}

// percent is section 3.6: everything but letters, digits and - . _ ~ in upper-case hex.
func percent(s string) string {
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		if 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("-._~", c) >= 0 {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}
