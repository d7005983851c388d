package wire

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
)

// signer makes a signed call and then spoils it. Its methods change what is signed; later changes the signed request.
type signer struct {
	presigned                         bool
	method, host, query, body         string
	header                            http.Header
	unsigned                          []string // headers to leave out of the signature
	keyID, secret                     string
	date, region, service, terminator string
	algorithm, time, expires          string
	order                             string // of the signed headers in the list, when not sorted
	after                             []func(*call)
}

// call is what Verify takes.
type call struct {
	*http.Request
	body []byte
}

// header and presigned are good calls: ListIdentityPools of a session, and AssumeRole of a long-lived key as a URL.
func header() *signer {
	return &signer{
		method: "POST", host: "pools.example.com", body: `{"MaxResults":10}`,
		header: http.Header{
			"Content-Type":         {"application/x-amz-json-1.1"},
			"X-Amz-Target":         {"AWSCognitoIdentityService.ListIdentityPools"},
			"X-Amz-Security-Token": {"token"},
			"X-Amz-Date":           {"20150830T123600Z"},
		},
		keyID: testKeyID, secret: testSecret,
		date: "20150830", region: "eu-west-1", service: "cognito-identity", terminator: "aws4_request",
		algorithm: "AWS4-HMAC-SHA256", time: "20150830T123600Z",
	}
}

func presigned() *signer {
	s := header()
	s.presigned, s.method, s.body, s.header, s.expires = true, "GET", "", http.Header{}, "3600"
	s.query = "Action=AssumeRole&Policy=a%3Bb%2Bc"
	return s
}

func (s *signer) signedNames() []string {
	names := []string{"host"}
	for key := range s.header {
		names = append(names, strings.ToLower(key))
	}
	names = slices.DeleteFunc(names, func(name string) bool { return slices.Contains(s.unsigned, name) })
	slices.Sort(names)
	return names
}

func (s *signer) scope() keyScope { return keyScope{s.secret, s.date, s.region, s.service} }

func (s *signer) call() *call {
	names := s.signedNames()
	list := strings.Join(names, ";")
	if s.order != "" {
		list = s.order
	}
	credential := strings.Join([]string{s.keyID, s.date, s.region, s.service, s.terminator}, "/")
	query := s.query
	if s.presigned {
		query += "&X-Amz-Algorithm=" + s.algorithm + "&X-Amz-Credential=" + url.QueryEscape(credential) +
			"&X-Amz-Date=" + s.time + "&X-Amz-SignedHeaders=" + url.QueryEscape(list)
		if s.expires != "absent" {
			query += "&X-Amz-Expires=" + s.expires
		}
	}
	canonical := canonicalRequest{
		method: s.method, path: "/", query: parseQuery(query), header: s.header, host: s.host, length: int64(len(s.body)),
		signed: names, payload: hexSHA256([]byte(s.body)),
	}
	at, _ := time.Parse(sigTimeFormat, s.time)
	signature := sign(s.scope().signingKey(), stringToSign(at, s.scope(), sha256.Sum256(canonical.append(nil))))
	if s.presigned {
		query += "&X-Amz-Signature=" + signature
	}
	c := &call{httptest.NewRequest(s.method, "http://"+s.host+"/?"+query, strings.NewReader(s.body)), []byte(s.body)}
	c.Header = s.header.Clone()
	if !s.presigned {
		c.Header.Set("Authorization", s.algorithm+" Credential="+credential+", SignedHeaders="+list+", Signature="+signature)
	}
	for _, f := range s.after {
		f(c)
	}
	return c
}

// with changes what is signed, so that the signature is right for it; later changes the call that was signed.
func (s *signer) with(f func(*signer)) *signer { f(s); return s }
func (s *signer) later(f func(*call)) *signer  { s.after = append(s.after, f); return s }

func (s *signer) without(name string) *signer { s.unsigned = append(s.unsigned, name); return s }
func (s *signer) set(key, value string) *signer {
	s.header[key] = []string{value}
	return s
}
func (s *signer) at(stamp string) *signer { s.time = stamp; return s.set("X-Amz-Date", stamp) }
func (s *signer) setLater(key, value string) *signer {
	return s.later(func(c *call) { c.Header[key] = []string{value} })
}

func (s *signer) addLater(key, value string) *signer {
	return s.later(func(c *call) { c.Header[key] = append(c.Header[key], value) })
}

// auth replaces a part of the Authorization header, query of the query, once each.
func (s *signer) auth(old, new string) *signer {
	return s.later(func(c *call) { c.Header.Set("Authorization", replaced(c.Header.Get("Authorization"), old, new)) })
}

func (s *signer) url(old, new string) *signer {
	return s.later(func(c *call) { c.URL.RawQuery = replaced(c.URL.RawQuery, old, new) })
}

func replaced(s, old, new string) string {
	if !strings.Contains(s, old) {
		panic(fmt.Sprintf("no %q in %q", old, s))
	}
	return strings.Replace(s, old, new, 1)
}

// verify says what became of a call: "ok", or code and message as a JSON service answers.
func verify(s *signer) string {
	c := s.call()
	_, err := verifierAt(testTime).Verify(c.Request, c.body, "cognito-identity")
	if err == nil {
		return "ok"
	}
	var refused *SignatureError
	if !errors.As(err, &refused) {
		return err.Error()
	}
	return refused.wire(true).Error()
}

const (
	missing    = "MissingAuthenticationTokenException: Missing Authentication Token"
	incomplete = "IncompleteSignatureException: "
	invalid    = "InvalidSignatureException: "
	mismatched = invalid + mismatchText
	unknown    = "UnrecognizedClientException: The security token included in the request is invalid."
	required   = incomplete + "Authorization header requires "
	mustHold   = incomplete + "AWS query-string parameters must include "
	reexamine  = " Re-examine the query-string parameters."
	onlyOnce   = " must be given once."
	seconds    = incomplete + "X-Amz-Expires must be a number of seconds between 1 and 604800."
	iso        = incomplete + "Date must be in ISO-8601 'basic format'. Got '%s'. See http://en.wikipedia.org/wiki/ISO_8601"
	scoped     = invalid + "Credential should be scoped "
	encoded    = incomplete + "The query string must be percent-encoded, without '+' and ';'."
	both       = invalid + "Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as HTTP header."
)

func mustSign(name string) string {
	return invalid + "'" + name + "' must be a 'SignedHeader' in the AWS Authorization."
}

// verifyCases are calls and what becomes of them.
var verifyCases = []struct {
	name string
	call *signer
	want string
}{
	{"header form", header(), "ok"},
	{"presigned form", presigned(), "ok"},

	// What the signature covers.
	{"another body", header().later(func(c *call) { c.body = []byte("{}") }), mismatched},
	{"another method", header().later(func(c *call) { c.Method = "PUT" }), mismatched},
	{"another path", header().later(func(c *call) { c.URL.Path = "/x" }), mismatched},
	{"the same path, written otherwise", header().later(func(c *call) { c.URL.Path = "/x/.." }), "ok"},
	{"another host", header().later(func(c *call) { c.Host = "other.example.com" }), mismatched},
	{"another target", header().setLater("X-Amz-Target", "AWSCognitoIdentityService.DeleteIdentityPool"), mismatched},
	{"no target", header().later(func(c *call) { c.Header.Del("X-Amz-Target") }), mismatched},
	{"a second target", header().addLater("X-Amz-Target", "AWSCognitoIdentityService.GetId"), mismatched},
	{"a header that isn't signed", header().setLater("X-Amz-User-Agent", "x"), "ok"},
	{"a query added", header().later(func(c *call) { c.URL.RawQuery = "a=b" }), mismatched},
	{"another query", presigned().url("AssumeRole", "GetSessionToken"), mismatched},
	{"a parameter added", presigned().url("Action", "a=b&Action"), mismatched},
	{"a parameter dropped", presigned().url("&Policy=a%3Bb%2Bc", ""), mismatched},
	{"a body added", presigned().later(func(c *call) { c.body = []byte("Action=GetSessionToken") }), mismatched},

	// What a form decoder would read otherwise than the signer meant it.
	{"escaped ';' written plain", presigned().url("%3B", ";"), encoded},
	{"escaped '+' written plain", presigned().url("%2B", "+"), encoded},
	{"a broken escape", presigned().with(func(s *signer) { s.query += "&a=%25zz" }).url("%25zz", "%zz"), encoded},
	{"escapes in lower case", presigned().url("%3B", "%3b"), "ok"},
	{"a letter escaped", presigned().url("Action", "%41ction"), "ok"},

	// What must be signed.
	{"host unsigned", header().without("host"), mustSign("Host' or ':authority")},
	{"host unsigned, presigned", presigned().set("X-A", "b").without("host"), mustSign("Host' or ':authority")},
	{"target unsigned", header().without("x-amz-target"), mustSign("x-amz-target")},
	{"target unsigned, presigned", presigned().setLater("X-Amz-Target", "A.B"), mustSign("x-amz-target")},
	{"session token unsigned", header().without("x-amz-security-token"), mustSign("x-amz-security-token")},
	{"session token added", presigned().setLater("X-Amz-Security-Token", "token"), mustSign("x-amz-security-token")},
	{"date unsigned", header().without("x-amz-date"), mustSign("x-amz-date")},
	{"content hash unsigned", header().setLater("X-Amz-Content-Sha256", hexSHA256(nil)), mustSign("x-amz-content-sha256")},
	{"content type unsigned", header().without("content-type"), "ok"},

	// The body's hash, where it is sent.
	{"content hash", header().set("X-Amz-Content-Sha256", hexSHA256([]byte(`{"MaxResults":10}`))), "ok"},
	{"hash of another body", header().set("X-Amz-Content-Sha256", hexSHA256([]byte("{}"))), mismatched},
	{"no hash", header().set("X-Amz-Content-Sha256", ""), mismatched},
	{"unsigned payload", header().set("X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD"), mismatched},

	// Time.
	{"exactly 5 minutes old", header().at("20150830T123100Z"), "ok"},
	{
		"5 min 1 s old", header().at("20150830T123059Z"),
		invalid + "Signature expired: 20150830T123059Z is now earlier than 20150830T123100Z (20150830T123600Z - 5 min.)",
	},
	{"exactly 5 minutes ahead", header().at("20150830T124100Z"), "ok"},
	{
		"5 min 1 s ahead", header().at("20150830T124101Z"),
		invalid + "Signature not yet current: 20150830T124101Z is still later than 20150830T124100Z (20150830T123600Z + 5 min.)",
	},
	{"another time than signed", header().setLater("X-Amz-Date", "20150830T123601Z"), mismatched},
	{"presigned, just good", presigned().at("20150830T113600Z"), "ok"},
	{
		"presigned, expired", presigned().at("20150830T113559Z"),
		invalid + "Signature expired: 20150830T123559Z is now earlier than 20150830T123600Z",
	},
	{
		"presigned, 5 min 1 s ahead", presigned().at("20150830T124101Z"),
		invalid + "Signature not yet current: 20150830T124101Z is still later than 20150830T124100Z (20150830T123600Z + 5 min.)",
	},
	{"presigned for a week", presigned().with(func(s *signer) { s.expires, s.date = "604800", "20150823" }).at("20150823T123600Z"), "ok"},
	{"presigned for longer", presigned().with(func(s *signer) { s.expires = "604801" }), seconds},
	{"presigned for 0 s", presigned().with(func(s *signer) { s.expires = "0" }), seconds},
	{"presigned for -1 s", presigned().with(func(s *signer) { s.expires = "-1" }), seconds},
	{"presigned for no number", presigned().with(func(s *signer) { s.expires = "1h" }), seconds},
	{"presigned for nothing", presigned().with(func(s *signer) { s.expires = "" }), seconds},
	{"presigned for longer, later", presigned().url("Expires=3600", "Expires=36000"), mismatched},
	{"no expiry means 15 minutes", presigned().with(func(s *signer) { s.expires = "absent" }).at("20150830T122100Z"), "ok"},
	{
		"no expiry, 15 min 1 s old", presigned().with(func(s *signer) { s.expires = "absent" }).at("20150830T122059Z"),
		invalid + "Signature expired: 20150830T123559Z is now earlier than 20150830T123600Z",
	},
	{
		"no date", header().later(func(c *call) { c.Header.Del("X-Amz-Date") }),
		required + "existence of either a 'X-Amz-Date' or a 'Date' header.",
	},
	{"two dates", header().addLater("X-Amz-Date", "20150830T123600Z"), incomplete + "Header 'X-Amz-Date' must be sent once."},
	{"no such date", header().setLater("X-Amz-Date", "20150832T123600Z"), fmt.Sprintf(iso, "20150832T123600Z")},
	{"fractions of a second", header().setLater("X-Amz-Date", "20150830T123600.5Z"), fmt.Sprintf(iso, "20150830T123600.5Z")},
	{
		"X-Amz-Date as in HTTP", header().setLater("X-Amz-Date", "Sun, 30 Aug 2015 12:36:00 GMT"),
		fmt.Sprintf(iso, "Sun, 30 Aug 2015 12:36:00 GMT"),
	},
	{"Date in its place", header().with(func(s *signer) {
		s.header.Del("X-Amz-Date")
		s.set("Date", "Sun, 30 Aug 2015 12:36:00 GMT")
	}), "ok"},

	// The credential scope.
	{"another service", header().with(func(s *signer) { s.service = "sts" }), scoped + "to correct service: 'cognito-identity'."},
	{"another region than signed", header().auth("eu-west-1", "us-east-1"), mismatched},
	{"no region", header().with(func(s *signer) { s.region = "" }), scoped + "to a valid region, not ''."},
	{"18 letters of region", header().with(func(s *signer) { s.region = "abcdefghij-0123456" }), "ok"},
	{
		"19 letters of region", header().with(func(s *signer) { s.region = "abcdefghij-01234567" }),
		scoped + "to a valid region, not 'abcdefghij-01234567'.",
	},
	{"region in upper case", header().with(func(s *signer) { s.region = "EU" }), scoped + "to a valid region, not 'EU'."},
	{
		"another terminator", header().with(func(s *signer) { s.terminator = "aws5_request" }),
		scoped + "with a valid terminator: 'aws4_request', not 'aws5_request'.",
	},
	{
		"another day", header().with(func(s *signer) { s.date = "20150829" }),
		invalid + "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: " +
			"'20150829' != '20150830', from '20150830T123600Z'.",
	},
	{
		"everything wrong", header().with(func(s *signer) { s.service, s.region, s.terminator, s.date = "b", "C", "e", "d" }),
		scoped + "to a valid region, not 'C'. Credential should be scoped to correct service: 'cognito-identity'. " +
			"Credential should be scoped with a valid terminator: 'aws4_request', not 'e'. Date in Credential scope does " +
			"not match YYYYMMDD from ISO-8601 version of date from HTTP: 'd' != '20150830', from '20150830T123600Z'.",
	},

	// Keys and sessions.
	{"unknown key", header().with(func(s *signer) { s.keyID = "AKIANOBODY" }), unknown},
	{"unknown key, presigned", presigned().with(func(s *signer) { s.keyID = "AKIANOBODY" }), unknown},
	{"no key", header().with(func(s *signer) { s.keyID = "" }), unknown},
	{"someone else's session", header().set("X-Amz-Security-Token", "someone else's"), unknown},
	{
		"expired session", header().with(func(s *signer) { s.keyID = "ASIAEXPIRED" }),
		"ExpiredTokenException: The security token included in the request is expired",
	},
	{"database down", header().with(func(s *signer) { s.keyID = "ASIADOWN" }), "database down"},
	{"wrong secret", header().with(func(s *signer) { s.secret = "other" }), mismatched},
	{"another session token", header().setLater("X-Amz-Security-Token", "another"), mismatched},
	{
		"two session tokens", header().addLater("X-Amz-Security-Token", "another"),
		incomplete + "Header 'X-Amz-Security-Token' must be sent once.",
	},
	{"session token in the query", presigned().with(func(s *signer) { s.query += "&X-Amz-Security-Token=t%2Fo" }), "ok"},
	{"session token in the signed header", presigned().set("X-Amz-Security-Token", "token"), "ok"},
	{
		"session token in both", presigned().set("X-Amz-Security-Token", "t").with(func(s *signer) { s.query += "&X-Amz-Security-Token=t" }),
		incomplete + "Found 'X-Amz-Security-Token' both as a query-string param and as HTTP header.",
	},
	{"session token taken away", presigned().with(func(s *signer) { s.query += "&X-Amz-Security-Token=t" }).
		url("&X-Amz-Security-Token=t", ""), mismatched},

	// The Authorization header.
	{"no signature at all", header().later(func(c *call) { c.Header.Del("Authorization") }), missing},
	{"another scheme", header().setLater("Authorization", "Bearer eyJhbGciOiJub25lIn0.e30."), missing},
	{"an empty header", header().setLater("Authorization", ""), missing},
	{"sent twice", header().addLater("Authorization", "AWS4-HMAC-SHA256 x"), incomplete + "Authorization header must be sent once."},
	{
		"nothing but the scheme", header().setLater("Authorization", "AWS4-HMAC-SHA256"),
		required + "'Credential' parameter. Authorization header requires 'Signature' parameter. " +
			"Authorization header requires 'SignedHeaders' parameter.",
	},
	{"no Credential", header().auth("Credential=", "Credentials="), required + "'Credential' parameter."},
	{"no Signature", header().auth(", Signature=", ", "), required + "'Signature' parameter."},
	{"empty Signature", header().later(func(c *call) {
		auth := c.Header.Get("Authorization")
		c.Header.Set("Authorization", auth[:strings.Index(auth, "Signature=")+len("Signature=")])
	}), required + "'Signature' parameter."},
	{"a header named twice", header().auth("SignedHeaders=", "SignedHeaders=a;a;"), incomplete + "SignedHeaders must name every header once."},
	{"a header without a name", header().auth("SignedHeaders=", "SignedHeaders=;"), incomplete + "SignedHeaders must name every header once."},
	{
		"more headers than anybody signs", header().auth("SignedHeaders=", "SignedHeaders="+strings.Repeat("a;", 64)),
		incomplete + "SignedHeaders names more than 64 headers.",
	},
	{"an access key id that is none", header().auth("Credential=", "Credential=\x00"), unknown},
	{"no SignedHeaders", header().auth("SignedHeaders", ""), required + "'SignedHeaders' parameter."},
	{
		"Signature twice", header().auth("Signature=", "Signature=a, Signature="),
		incomplete + "Authorization header must hold 'Signature' once.",
	},
	{"Signature of spaces", header().auth("Signature=", "Signature= "), required + "'Signature' parameter."},
	{"signature in upper case", header().later(func(c *call) {
		scheme, signature, _ := strings.Cut(c.Header.Get("Authorization"), "Signature=")
		c.Header.Set("Authorization", scheme+"Signature="+strings.ToUpper(signature))
	}), mismatched},
	{"signature cut short", header().later(func(c *call) {
		auth := c.Header.Get("Authorization")
		c.Header.Set("Authorization", auth[:len(auth)-1])
	}), mismatched},
	{"signature with a tail", header().later(func(c *call) { c.Header["Authorization"][0] += "0" }), mismatched},
	{"commas without spaces", header().later(func(c *call) {
		c.Header.Set("Authorization", strings.ReplaceAll(c.Header.Get("Authorization"), ", ", ","))
	}), "ok"},
	{"spaces without commas", header().later(func(c *call) {
		c.Header.Set("Authorization", strings.ReplaceAll(c.Header.Get("Authorization"), ",", " "))
	}), "ok"},
	{
		"another algorithm", header().with(func(s *signer) { s.algorithm = "AWS4-ECDSA-P256-SHA256" }),
		incomplete + "Unsupported AWS 'algorithm': 'AWS4-ECDSA-P256-SHA256' (only AWS4-HMAC-SHA256 for now). ",
	},
	{
		"4 parts of a credential", header().auth("/aws4_request", ""),
		incomplete + "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, " +
			"got 'AKIDEXAMPLE/20150830/eu-west-1/cognito-identity'",
	},
	{"signed headers in another order", header().with(func(s *signer) {
		s.order = "X-Amz-Target;x-amz-date;host;x-amz-security-token;content-type"
	}), "ok"},
	{"a signed header more", header().auth("content-type;", "accept;content-type;"), mismatched},
	{"a signed header less", header().auth("content-type;", ""), mismatched},
	{
		"garbage", header().setLater("Authorization", "AWS4-\x00 =;/,Credential=,,=Signature=/\xff,SignedHeaders=;;="),
		required + "'Credential' parameter. Authorization header requires 'Signature' parameter.",
	},

	// The query.
	{"both forms", presigned().setLater("Authorization", "AWS4-HMAC-SHA256 x"), both},
	{"both forms, another scheme", presigned().setLater("Authorization", "Basic eDp5"), both},
	{
		"X-Amz-Signature twice", presigned().url("X-Amz-Signature", "X-Amz-Signature=a&X-Amz-Signature"),
		incomplete + "AWS query-string parameter 'X-Amz-Signature'" + onlyOnce,
	},
	{
		"X-Amz-Date twice, once escaped", presigned().url("X-Amz-Date", "X%2dAmz-Date=20150830T123600Z&X-Amz-Date"),
		incomplete + "AWS query-string parameter 'X-Amz-Date'" + onlyOnce,
	},
	{"no X-Amz-Signature", presigned().url("X-Amz-Signature", "X"), mustHold + "'X-Amz-Signature'." + reexamine},
	{"empty X-Amz-Signature", presigned().url("X-Amz-Signature=", "X-Amz-Signature=&a="), mustHold + "'X-Amz-Signature'." + reexamine},
	{"no X-Amz-Algorithm", presigned().url("X-Amz-Algorithm", "X"), mustHold + "'X-Amz-Algorithm'." + reexamine},
	{"no X-Amz-Credential", presigned().url("X-Amz-Credential", "X"), mustHold + "'X-Amz-Credential'." + reexamine},
	{"no X-Amz-Date", presigned().url("X-Amz-Date", "X"), mustHold + "'X-Amz-Date'." + reexamine},
	{"no X-Amz-SignedHeaders", presigned().url("X-Amz-SignedHeaders", "X"), mustHold + "'X-Amz-SignedHeaders'." + reexamine},
	{
		"another X-Amz-Algorithm", presigned().with(func(s *signer) { s.algorithm = "AWS4-HMAC-SHA1" }),
		incomplete + "Unsupported AWS 'algorithm': 'AWS4-HMAC-SHA1' (only AWS4-HMAC-SHA256 for now). ",
	},
	{
		"X-Amz-Date as in HTTP, presigned", presigned().url("20150830T123600Z", "Sun%2C%2030%20Aug%202015%2012%3A36%3A00%20GMT"),
		fmt.Sprintf(iso, "Sun, 30 Aug 2015 12:36:00 GMT"),
	},
	{"names in lower case", presigned().url("X-Amz-Signature", "x-amz-signature"), mustHold + "'X-Amz-Signature'." + reexamine},
}

func TestVerify(t *testing.T) {
	for _, c := range verifyCases {
		t.Run(c.name, func(t *testing.T) {
			if got := verify(c.call); got != c.want {
				t.Errorf("%s\nwant %s", got, c.want)
			}
		})
	}
}
