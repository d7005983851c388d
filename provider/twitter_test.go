package provider

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// fakeTwitter verifies signed requests as Twitter does (API reference v1.1, account/verify_credentials and "Response
// codes"), with a signature method of its own making: net/url's encoding, mended, instead of ours.
type fakeTwitter struct {
	*online
	mu     sync.Mutex
	tokens map[string]twToken
	nonces map[string]bool
}

type twToken struct {
	secret, user string
	refusal      http.HandlerFunc
}

func newTwitter(t testing.TB) *fakeTwitter {
	f := &fakeTwitter{tokens: map[string]twToken{}, nonces: map[string]bool{}}
	f.online = newOnline(t, twitter, f.answers)
	return f
}

// The app of the fake is twkey;twsecret.
func (f *fakeTwitter) issue(token, secret, user string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.tokens[token] = twToken{secret: secret, user: user}
}

func twitterSays(status, code int, message string) http.HandlerFunc {
	return says(status, fmt.Sprintf(`{"errors":[{"code":%d,"message":%q}]}`, code, message))
}

func (f *fakeTwitter) answers(w http.ResponseWriter, r *http.Request) {
	if r.Method != "GET" || !strings.HasSuffix(r.URL.Path, "/1.1/account/verify_credentials.json") {
		twitterSays(404, 34, "Sorry, that page does not exist.")(w, r)
		return
	}
	fields, found := strings.CutPrefix(r.Header.Get("Authorization"), "OAuth ")
	if !found {
		twitterSays(400, 215, "Bad Authentication data.")(w, r)
		return
	}
	given := url.Values{}
	for _, field := range strings.Split(fields, ", ") {
		name, value, _ := strings.Cut(field, "=")
		plain, err := url.PathUnescape(strings.Trim(value, `"`))
		if err != nil {
			twitterSays(400, 215, "Bad Authentication data.")(w, r)
			return
		}
		given.Set(name, plain)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	is := f.tokens[given.Get("oauth_token")]
	seconds, _ := strconv.ParseInt(given.Get("oauth_timestamp"), 10, 64)
	nonce := given.Get("oauth_nonce")
	switch {
	case given.Get("oauth_consumer_key") != "twkey":
		twitterSays(401, 32, "Could not authenticate you.")(w, r)
	case is.user == "":
		twitterSays(401, 89, "Invalid or expired token.")(w, r)
	case f.clock.now().Unix()-seconds > 300 || seconds-f.clock.now().Unix() > 300:
		twitterSays(401, 135, "Timestamp out of bounds.")(w, r)
	case f.nonces[nonce] || len(nonce) < 20 || given.Get("oauth_signature") != f.signature(r, given, is.secret):
		twitterSays(401, 32, "Could not authenticate you.")(w, r)
	case is.refusal != nil:
		is.refusal(w, r)
	default:
		f.nonces[nonce] = true
		says(200, `{"id":`+is.user+`,"id_str":"`+is.user+`","name":"Twitter API","screen_name":"twitterapi","verified":true}`)(w, r)
	}
}

func (f *fakeTwitter) signature(r *http.Request, given url.Values, secret string) string {
	encode := func(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }
	var params []string
	for _, values := range []url.Values{r.URL.Query(), given} {
		for name := range values {
			if name != "oauth_signature" {
				params = append(params, encode(name)+"="+encode(values.Get(name)))
			}
		}
	}
	slices.Sort(params)
	base := r.Method + "&" + encode("http://"+r.Host+r.URL.EscapedPath()) + "&" + encode(strings.Join(params, "&"))
	mac := hmac.New(sha1.New, []byte("twsecret&"+encode(secret)))
	mac.Write([]byte(base))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

func TestTwitter(t *testing.T) {
	f := newTwitter(t)
	f.issue("777-one", "secretone", "777")
	f.issue("778-two", "secrettwo", "778")
	f.issue("779+/=&%~", "se;cr&et+%", "779")
	for token, refusal := range map[string]http.HandlerFunc{
		"suspended":   twitterSays(403, 64, "Your account is suspended and is not permitted to access this feature"),
		"locked":      twitterSays(403, 326, "To protect our users from spam and other malicious activity, this account is temporarily locked."),
		"noaccess":    twitterSays(403, 453, "You currently have access to a subset of X API V2 endpoints and limited v1.1 endpoints only."),
		"overlimit":   twitterSays(429, 88, "Rate limit exceeded"),
		"appoff":      twitterSays(401, 416, "Invalid / suspended application"),
		"emptyerrors": says(401, `{"errors":[]}`),
		"oldform":     says(401, `{"error":"Could not authenticate you.","request":"/1.1/account/verify_credentials.json"}`),
	} {
		f.tokens[token] = twToken{"secretone", "777", refusal}
	}
	const app = "twkey;twsecret"
	rows := []struct{ app, login, want string }{
		{app, "777-one;secretone", "777"},
		{app, "778-two;secrettwo", "778"},
		{app, "779+/=&%~;se;cr&et+%", "779"},
		{app, "777-one;secrettwo", notAccepted},
		{app, "777-one;secretone;", notAccepted},
		{app, "777-none;secretone", notAccepted},
		{app, "suspended;secretone", notAccepted},
		{app, "locked;secretone", notAccepted},
		{app, "noaccess;secretone", "unavailable"},
		{app, "overlimit;secretone", "unavailable"},
		{app, "appoff;secretone", "unavailable"},
		{app, "emptyerrors;secretone", "unavailable"},
		{app, "oldform;secretone", "unavailable"},
		{"twkey;wrongsecret", "777-one;secretone", notAccepted},
		{"other;twsecret", "777-one;secretone", notAccepted},
	}
	v := f.verifier()
	for _, row := range rows {
		token, secret, _ := strings.Cut(row.login, ";")
		c, got := login(t, f.online, v, row.app, row.login, token, secret, "twsecret", "wrongsecret")
		if c != nil {
			got = c.Subject
		}
		want(t, row.app+" "+row.login, got, row.want)
	}
	want(t, "requests", f.asked.Load(), int64(len(rows)))
	for app, login := range map[string]string{
		"twkey": "777-one;secretone", "twkey;": "777-one;secretone", ";twsecret": "777-one;secretone", ";": "777-one;secretone",
	} {
		_, err := v.Social(t.Context(), twitter, app, login)
		want(t, app, outcome(err), notSupported)
	}
	for _, login := range []string{"777-one", "777-one;", ";secretone", ";"} {
		_, err := v.Social(t.Context(), twitter, app, login)
		want(t, login, outcome(err), notAccepted)
	}
	want(t, "requests", f.asked.Load(), int64(len(rows)))
}

// Where our clock is wrong the client's token isn't.
func TestTwitterClock(t *testing.T) {
	f := newTwitter(t)
	f.issue("777-one", "secretone", "777")
	v := f.verifier()
	v.Now = func() time.Time { return f.clock.now().Add(-time.Hour) }
	_, got := login(t, f.online, v, "twkey;twsecret", "777-one;secretone")
	want(t, "an hour late", got, "unavailable")
}

// An endpoint may have a path and a default port; the signature is over what is asked.
func TestTwitterBehindAPath(t *testing.T) {
	f := newTwitter(t)
	f.issue("777-one", "secretone", "777")
	v := f.verifier()
	v.Settings[twitter] = Setting{Endpoint: f.URL + "/gate%20way/"}
	_, got := login(t, f.online, v, "twkey;twsecret", "777-one;secretone")
	want(t, "outcome", got, "ok")
}

func TestDigits(t *testing.T) {
	f := newTwitter(t)
	f.issue("777-one", "secretone", "777")
	v := f.verifier()
	_, err := v.Social(t.Context(), digits, "twkey;twsecret", "777-one;secretone")
	want(t, "without an endpoint", outcome(err), notSupported)
	want(t, "requests", f.asked.Load(), 0)
	v = f.verifier()
	v.Settings[digits] = Setting{Endpoint: f.URL}
	c, err := v.Social(t.Context(), digits, "twkey;twsecret", "777-one;secretone")
	want(t, "with one", outcome(err), "ok")
	want(t, "issuer", c.Issuer, digits)
}

// Published examples of signatures.
func TestSignatures(t *testing.T) {
	rows := []struct {
		from            string
		method, address string
		params          url.Values
		consumer, token string // secrets
		want            string
	}{
		{
			"RFC 5849, 1.2", "GET", "http://photos.example.net/photos",
			url.Values{
				"file": {"vacation.jpg"}, "size": {"original"}, "oauth_consumer_key": {"dpf43f3p2l4k3l03"}, "oauth_token": {"nnch734d00sl2jdk"},
				"oauth_signature_method": {"HMAC-SHA1"}, "oauth_timestamp": {"137131202"}, "oauth_nonce": {"chapoH"},
			},
			"kd94hf93k423kf44", "pfkkdhi9sl3r4s00", "MdpQcU8iPSUjWoN/UDMsK2sui9I=",
		},
		{
			"RFC 5849, 1.2, temporary credentials", "POST", "https://photos.example.net/initiate",
			url.Values{
				"oauth_consumer_key": {"dpf43f3p2l4k3l03"}, "oauth_signature_method": {"HMAC-SHA1"}, "oauth_timestamp": {"137131200"},
				"oauth_nonce": {"wIjqoS"}, "oauth_callback": {"http://printer.example.com/ready"},
			},
			"kd94hf93k423kf44", "", "74KNZJeDHnMBp0EMJ9ZHt/XKycU=",
		},
		{
			"OAuth Core 1.0, appendix A.5", "GET", "http://photos.example.net/photos",
			url.Values{
				"file": {"vacation.jpg"}, "size": {"original"}, "oauth_consumer_key": {"dpf43f3p2l4k3l03"}, "oauth_token": {"nnch734d00sl2jdk"},
				"oauth_signature_method": {"HMAC-SHA1"}, "oauth_timestamp": {"1191242096"}, "oauth_nonce": {"kllo9940pd9333jh"}, "oauth_version": {"1.0"},
			},
			"kd94hf93k423kf44", "pfkkdhi9sl3r4s00", "tR3+Ty81lMeYAr/Fid0kMTYa/WM=",
		},
		{
			"Twitter, Creating a signature", "POST", "https://api.twitter.com/1/statuses/update.json", helloTwitter(),
			"kAcSOqF21Fu85e7zjz7ZN2U4ZRhfV3WpwPAoE3Z7kBw", "LswwdoUaIvS8ltyTt5jkRh4J50vUPVVHtR2YPi5kE", "tnnArxj06cWHq44gCs1OSKk/jLY=",
		},
		{
			"Twitter, Creating a signature, 1.1", "post", "HTTPS://API.twitter.com:443/1.1/statuses/update.json", helloTwitter(),
			"kAcSOqF21Fu85e7zjz7ZN2U4ZRhfV3WpwPAoE3Z7kBw", "LswwdoUaIvS8ltyTt5jkRh4J50vUPVVHtR2YPi5kE", "hCtSmYh+iHYCEqBWrE7C7hYmtUk=",
		},
	}
	for _, row := range rows {
		c := oauthCredentials{consumerSecret: row.consumer, tokenSecret: row.token}
		want(t, row.from, c.sign(signatureBase(row.method, row.address, row.params)), row.want)
	}
}

func helloTwitter() url.Values {
	return url.Values{
		"status": {"Hello Ladies + Gentlemen, a signed OAuth request!"}, "include_entities": {"true"},
		"oauth_consumer_key": {"xvz1evFS4wEEPTGEFPHBog"}, "oauth_nonce": {"kYjzVBB8Y0ZFabxSWbWovY3uYSQ2pTgmZeNu2VS4cg"},
		"oauth_signature_method": {"HMAC-SHA1"}, "oauth_timestamp": {"1318622958"},
		"oauth_token": {"370773112-GmHxMAgYyLbNEtIKZeRNFsMKPR9EyMZeS9weJAEb"}, "oauth_version": {"1.0"},
	}
}

// RFC 5849, 3.4.1.1 and 3.4.1.3: parameters that stand twice, that are empty, and that are encoded already.
func TestSignatureBase(t *testing.T) {
	params := url.Values{
		"b5": {"=%3D"}, "a3": {"a", "2 q"}, "c@": {""}, "a2": {"r b"}, "c2": {""}, "oauth_consumer_key": {"9djdj82h48djs9d2"},
		"oauth_token": {"kkk9d7dh3k39sjv7"}, "oauth_signature_method": {"HMAC-SHA1"}, "oauth_timestamp": {"137131201"},
		"oauth_nonce": {"7d8f3e4a"},
	}
	want(t, "base string", signatureBase("POST", "http://example.com/request", params),
		"POST&http%3A%2F%2Fexample.com%2Frequest&a2%3Dr%2520b%26a3%3D2%2520q%26a3%3Da%26b5%3D%253D%25253D%26c%2540%3D%26c2%3D"+
			"%26oauth_consumer_key%3D9djdj82h48djs9d2%26oauth_nonce%3D7d8f3e4a%26oauth_signature_method%3DHMAC-SHA1"+
			"%26oauth_timestamp%3D137131201%26oauth_token%3Dkkk9d7dh3k39sjv7")
	for address, uri := range map[string]string{ // 3.4.1.2
		"http://EXAMPLE.COM:80/r%20v/X":  "http://example.com/r%20v/X",
		"https://www.example.net:8080":   "https://www.example.net:8080/",
		"https://www.example.net:443/a":  "https://www.example.net/a",
		"http://www.example.net:443/a":   "http://www.example.net:443/a",
		"https://[2001:DB8::1]:443/a%2F": "https://[2001:db8::1]/a%2F",
	} {
		want(t, address, baseURI(address), uri)
	}
}

func TestAuthorizationHeader(t *testing.T) {
	c := oauthCredentials{
		"xvz1evFS4wEEPTGEFPHBog", "kAcSOqF21Fu85e7zjz7ZN2U4ZRhfV3WpwPAoE3Z7kBw",
		"370773112-GmHxMAgYyLbNEtIKZeRNFsMKPR9EyMZeS9weJAEb", "LswwdoUaIvS8ltyTt5jkRh4J50vUPVVHtR2YPi5kE",
	}
	query := url.Values{"status": {"Hello Ladies + Gentlemen, a signed OAuth request!"}, "include_entities": {"true"}}
	got := c.authorize("POST", "https://api.twitter.com/1/statuses/update.json", query, "kYjzVBB8Y0ZFabxSWbWovY3uYSQ2pTgmZeNu2VS4cg", time.Unix(1318622958, 0))
	want(t, "header", got, `OAuth oauth_consumer_key="xvz1evFS4wEEPTGEFPHBog", oauth_nonce="kYjzVBB8Y0ZFabxSWbWovY3uYSQ2pTgmZeNu2VS4cg", `+
		`oauth_signature="tnnArxj06cWHq44gCs1OSKk%2FjLY%3D", oauth_signature_method="HMAC-SHA1", oauth_timestamp="1318622958", `+
		`oauth_token="370773112-GmHxMAgYyLbNEtIKZeRNFsMKPR9EyMZeS9weJAEb", oauth_version="1.0"`)
}
