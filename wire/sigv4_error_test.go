package wire

import (
	"errors"
	"fmt"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestSignatureErrorReplies(t *testing.T) {
	for _, c := range []struct {
		kind        SignatureKind
		name        string
		json, query string // code and status
	}{
		{MissingToken, "missing token", "MissingAuthenticationTokenException 400", "MissingAuthenticationToken 403"},
		{Incomplete, "incomplete", "IncompleteSignatureException 400", "IncompleteSignature 400"},
		{UnknownKey, "unknown key", "UnrecognizedClientException 400", "InvalidClientTokenId 403"},
		{Expired, "expired session", "ExpiredTokenException 400", "ExpiredToken 403"},
		{Mismatch, "mismatch", "InvalidSignatureException 400", "SignatureDoesNotMatch 403"},
		{Skew, "skew", "InvalidSignatureException 400", "SignatureDoesNotMatch 403"},
		{WrongScope, "wrong scope", "InvalidSignatureException 400", "SignatureDoesNotMatch 403"},
	} {
		refused := &SignatureError{Kind: c.kind, Message: "text"}
		for protocol, want := range map[bool]string{true: c.json, false: c.query} {
			e := refused.wire(protocol)
			if got := fmt.Sprint(e.Code, " ", e.status()); got != want || e.Message != "text" || !errors.Is(e, refused) {
				t.Errorf("%v, JSON %v: %s %q, want %s", c.kind, protocol, got, e.Message, want)
			}
		}
		if c.kind.String() != c.name {
			t.Errorf("%d is called %q, want %q", int(c.kind), c.kind, c.name)
		}
	}
	if got := SignatureKind(99).String(); got != "kind 99" {
		t.Error(got)
	}
}

func TestSignatureErrorCause(t *testing.T) {
	c := header().call()
	s, err := readSignature(c.Request)
	if err != nil {
		t.Fatal(err)
	}
	c.Host = "inside:8080"
	hash := hexSHA256(s.canonical(c.Request, hexSHA256(c.body)).append(nil))
	_, err = verifierAt(testTime).Verify(c.Request, c.body, "cognito-identity")
	var refused *SignatureError
	if !errors.As(err, &refused) || refused.Kind != Mismatch || refused.Cause == nil {
		t.Fatal(err)
	}
	for _, want := range []string{"AKIDEXAMPLE", `"inside:8080"`, hash} {
		if !strings.Contains(refused.Cause.Error(), want) {
			t.Errorf("cause %q lacks %s", refused.Cause, want)
		}
	}
	for _, secret := range []string{testSecret, "token", s.signature} {
		if text := fmt.Sprintf("%v %+v %#v", err, refused, refused.Cause); strings.Contains(text, secret) {
			t.Errorf("%q tells %q", text, secret)
		}
	}
	if strings.Contains(refused.Message, "inside") {
		t.Error("the client reads what the host is called inside")
	}
}

// An error of Keys that says nothing about the caller stays what it is, so that it becomes a 5xx.
func TestVerifyPassesErrorsOfKeysOn(t *testing.T) {
	c := header().with(func(s *signer) { s.keyID = "ASIADOWN" }).call()
	caller, err := verifierAt(testTime).Verify(c.Request, c.body, "cognito-identity")
	var refused *SignatureError
	if !errors.Is(err, errDatabaseDown) || errors.As(err, &refused) || caller != (Caller{}) {
		t.Error(caller, err)
	}
}

func TestVerifyCaller(t *testing.T) {
	c := header().with(func(s *signer) { s.region = "local-1" }).call()
	got, err := verifierAt(testTime).Verify(c.Request, c.body, "cognito-identity")
	if want := (Caller{Account: "000000000000", AccessKeyID: testKeyID, Region: "local-1"}); got != want || err != nil {
		t.Errorf("%+v, %v; want %+v", got, err, want)
	}
}

func TestVerifyZeroNow(t *testing.T) {
	c := header().with(func(s *signer) {
		s.at(time.Now().UTC().Format(sigTimeFormat))
		s.date = s.time[:8]
	}).call()
	v := &Verifier{Keys: testKeys{}}
	if _, err := v.Verify(c.Request, c.body, "cognito-identity"); err != nil {
		t.Error(err)
	}
}

func TestSigV4CollapsesBlanks(t *testing.T) {
	for value, want := range map[string]string{
		"":                     "",
		"a":                    "a",
		"  a  ":                "a",
		"a b":                  "a b",
		"a   b \t c":           "a b c",
		`"a   b"`:              `"a b"`,
		"a\u00a0 \u00a0b":      "a\u00a0 \u00a0b",
		"\xff \xfe":            "\xff \xfe",
		strings.Repeat(" ", 9): "",
	} {
		if got := string(appendCollapsed([]byte("x:"), value)); got != "x:"+want {
			t.Errorf("%q became %q", value, got)
		}
	}
}

func TestSigV4CanonicalPath(t *testing.T) {
	for raw, want := range map[string]string{
		"":                 "/",
		"/":                "/",
		"*":                "/%2A",
		"/..":              "/",
		"/../../a":         "/a",
		"/a/./b/../c/":     "/a/c/",
		"/a/b/..":          "/a",
		"/a%2Fb":           "/a%252Fb",
		"/%2e%2e/a":        "/%252e%252e/a",
		"/a b/\xff/\u1234": "/a%20b/%FF/%E1%88%B4",
	} {
		if got := canonicalPath(raw); got != want {
			t.Errorf("%q became %q, want %q", raw, got, want)
		}
	}
}

// A length that net/http keeps outside the header map, and a header that was signed but not sent.
func TestSigV4HeadersOutsideTheMap(t *testing.T) {
	r := httptest.NewRequest("POST", "http://example.com/", strings.NewReader("body"))
	c := canonicalRequest{header: r.Header, host: r.Host, length: r.ContentLength}
	for name, want := range map[string]string{"host": "example.com", "content-length": "4", "x-absent": ""} {
		if got := string(c.appendValue(nil, name)); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	c.length = -1
	if got := string(c.appendValue(nil, "content-length")); got != "" {
		t.Errorf("unknown length is %q", got)
	}
}

func TestSigningKeysKnowTheirSecret(t *testing.T) {
	var keys signingKeys
	old := keyScope{"old", "20150830", "eu-west-1", "iam"}
	keys.put(old, old.signingKey())
	if got, ok := keys.get(old); !ok || got != old.signingKey() {
		t.Error("the key is gone")
	}
	for _, other := range []keyScope{
		{"new", "20150830", "eu-west-1", "iam"},
		{"old", "20150831", "eu-west-1", "iam"},
		{"old", "20150830", "eu-west-2", "iam"},
		{"old", "20150830", "eu-west-1", "sts"},
	} {
		if _, ok := keys.get(other); ok {
			t.Errorf("%v finds the key of %v", other, old)
		}
	}
}

func TestSigningKeysAreBounded(t *testing.T) {
	var keys signingKeys
	used := keyScope{secret: "used"}
	keys.put(used, used.signingKey())
	for i := range 5 * signingKeysHalf {
		keys.put(keyScope{secret: fmt.Sprint(i)}, [32]byte{})
		if _, ok := keys.get(used); !ok {
			t.Fatalf("a key in use was dropped after %d others", i)
		}
	}
	if n := len(keys.young) + len(keys.old); n > 2*signingKeysHalf {
		t.Errorf("%d keys", n)
	}
	if _, ok := keys.get(keyScope{secret: "0"}); ok {
		t.Error("a key not used is still there")
	}
}

func TestVerifyKeepsOnlyKeysThatVerified(t *testing.T) {
	v := verifierAt(testTime)
	for region := range 100 {
		c := header().with(func(s *signer) { s.secret, s.region = "guessed", fmt.Sprint("r-", region) }).call()
		if _, err := v.Verify(c.Request, c.body, "cognito-identity"); err == nil {
			t.Fatal("accepted")
		}
	}
	if n := len(v.derived.young); n != 0 {
		t.Errorf("%d keys kept", n)
	}
	c := header().call()
	if _, err := v.Verify(c.Request, c.body, "cognito-identity"); err != nil || len(v.derived.young) != 1 {
		t.Errorf("%v, %d keys kept", err, len(v.derived.young))
	}
}

func TestVerifyConcurrently(t *testing.T) {
	v := verifierAt(testTime)
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for range 50 {
				good := header().with(func(s *signer) { s.region = fmt.Sprint("r-", i%3) }).call()
				if _, err := v.Verify(good.Request, good.body, "cognito-identity"); err != nil {
					t.Error(err)
				}
				bad := header().with(func(s *signer) { s.secret = "guessed" }).call()
				if _, err := v.Verify(bad.Request, bad.body, "cognito-identity"); err == nil {
					t.Error("accepted")
				}
			}
		})
	}
	all.Wait()
}
