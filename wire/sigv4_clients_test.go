package wire

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
)

// clientRequest is a request that another signer than this package made.
type clientRequest struct {
	name, service, text string
}

func readClientRequests(tb testing.TB) []clientRequest {
	var requests []clientRequest
	for _, file := range []string{"testdata/sigv4_botocore.txt", "testdata/sigv4_sdks.txt"} {
		for _, b := range readBlocks(tb, file) {
			requests = append(requests, clientRequest{b.title[0], b.title[1], wireText(b.text)})
		}
	}
	return requests
}

// wireText is a request of the files in testdata as it stands on the wire.
func wireText(text string) string {
	head, body, _ := strings.Cut(text, "\n\n")
	return strings.ReplaceAll(strings.TrimSuffix(head, "\n"), "\n", "\r\n") + "\r\n\r\n" + strings.TrimSpace(body)
}

// readRequest is what the handler of a server would get for text.
func readRequest(text string) (*http.Request, []byte, error) {
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(text)))
	if err != nil {
		return nil, nil, err
	}
	body, err := io.ReadAll(r.Body)
	return r, body, err
}

// Requests of real clients pass at the second they were signed, and none is the same call with another body.
func TestVerifyRealClients(t *testing.T) {
	for _, c := range readClientRequests(t) {
		t.Run(c.name, func(t *testing.T) {
			r, body, err := readRequest(c.text)
			if err != nil {
				t.Fatal(err)
			}
			s, err := readSignature(r)
			if err != nil {
				t.Fatal(err)
			}
			v := verifierAt(s.time)
			caller, err := v.Verify(r, body, c.service)
			if err != nil || caller.Region != s.region {
				t.Errorf("%+v, %v", caller, err)
			}
			if _, err := v.Verify(r, append(body, ' '), c.service); err == nil {
				t.Error("accepted with another body")
			}
			if _, err := verifierAt(s.time.Add(8*24*time.Hour)).Verify(r, body, c.service); err == nil {
				t.Error("accepted a week and a day later")
			}
		})
	}
}

// meaning is what the code behind Verify reads of a request.
func meaning(r *http.Request, body []byte, caller Caller) string {
	query := r.URL.Query()
	for _, values := range query {
		slices.Sort(values)
	}
	session := r.Header.Get("X-Amz-Security-Token") + query.Get("X-Amz-Security-Token")
	query.Del("X-Amz-Signature")
	return fmt.Sprintf("%s %s %q %q %q %q %+v", r.Method, r.Host, r.Header["X-Amz-Target"], session, query.Encode(), body, caller)
}

// signedMeanings are all requests that may pass: canonical request and region of each, and what it means.
type signedMeanings map[string]string

// add says whether a request passes as it is.
func (known signedMeanings) add(v *Verifier, text, service string) bool {
	r, body, err := readRequest(text)
	if err != nil {
		return false
	}
	caller, err := v.Verify(r, body, service)
	if err != nil {
		return false
	}
	known[canonicalText(r, body, caller)] = meaning(r, body, caller)
	return true
}

// check holds a mutated request against them: what still passes must have the canonical form, and the meaning, of one.
func (known signedMeanings) check(t *testing.T, v *Verifier, text, service string) {
	r, body, err := readRequest(text)
	if err != nil {
		return
	}
	caller, err := v.Verify(r, body, service)
	if err != nil {
		if caller != (Caller{}) {
			t.Errorf("refused %+v", caller)
		}
		return
	}
	want, ok := known[canonicalText(r, body, caller)]
	if !ok {
		t.Fatalf("accepted a request that nobody signed: %q", text)
	}
	if got := meaning(r, body, caller); got != want {
		t.Errorf("accepted %s\nwhich was signed as %s", got, want)
	}
}

// Every byte dropped, changed, made a separator, and every escape written out.
func TestVerifyEveryByteCounts(t *testing.T) {
	for _, c := range readClientRequests(t) {
		if len(c.text) > 2000 {
			continue // only time: it is another one with a longer token
		}
		r, _, err := readRequest(c.text)
		if err != nil {
			t.Fatal(err)
		}
		s, err := readSignature(r)
		if err != nil {
			t.Fatal(err)
		}
		v, known := verifierAt(s.time), make(signedMeanings)
		if !known.add(v, c.text, c.service) {
			t.Fatalf("%s is refused", c.name)
		}
		for i := range c.text {
			before, after := c.text[:i], c.text[i+1:]
			for _, mutant := range []string{"", string(c.text[i] ^ 1), ";"} {
				known.check(t, v, before+mutant+after, c.service)
			}
		}
		for i := 0; i+3 <= len(c.text); i++ {
			if plain, err := url.PathUnescape(c.text[i : i+3]); err == nil {
				known.check(t, v, c.text[:i]+plain+c.text[i+3:], c.service)
			}
		}
	}
}

// FuzzVerify mutates requests that were signed.
func FuzzVerify(f *testing.F) {
	known, v := make(signedMeanings), verifierAt(testTime)
	add := func(text, service string) {
		f.Add([]byte(text), service)
		known.add(v, text, service)
	}
	for _, c := range readSuite(f) {
		add(wireText(c.request), "service")
	}
	for _, c := range readClientRequests(f) {
		add(c.text, c.service)
	}
	add("GET /?X-Amz-Signature=%zz&;&=&&X-Amz-Algorithm=AWS4-HMAC-SHA256 HTTP/1.1\r\nHost: \r\n\r\n", "service")
	add("POST * HTTP/1.1\r\nHost: a\r\nAuthorization: AWS4-HMAC-SHA256 Credential=////,SignedHeaders=;,Signature==\r\n\r\n", "")
	if len(known) < 50 {
		f.Fatalf("only %d seeds pass", len(known))
	}
	f.Fuzz(func(t *testing.T, text []byte, service string) { known.check(t, v, string(text), service) })
}

func canonicalText(r *http.Request, body []byte, caller Caller) string {
	s, err := readSignature(r)
	if err != nil {
		return ""
	}
	return string(s.canonical(r, hexSHA256(body)).append(nil)) + " " + caller.Region
}

// benchmarkCall is the call of a busy client: 1 KB of body, 800 bytes of session token.
func benchmarkCall() *call {
	return header().with(func(s *signer) {
		s.body = `{"IdentityPoolName":"` + strings.Repeat("p", 1000) + `"}`
		s.set("X-Amz-Security-Token", strings.Repeat("T", 800))
	}).call()
}

func BenchmarkVerify(b *testing.B) {
	for name, c := range map[string]*call{
		"header":    benchmarkCall(),
		"presigned": presigned().with(func(s *signer) { s.query += "&X-Amz-Security-Token=" + url.QueryEscape(strings.Repeat("T/", 400)) }).call(),
	} {
		b.Run(name, func(b *testing.B) {
			v := verifierAt(testTime)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := v.Verify(c.Request, c.body, "cognito-identity"); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// Every signed call pays this. It was 23 when the test was written.
func TestVerifyAllocations(t *testing.T) {
	c, v := benchmarkCall(), verifierAt(testTime)
	if n := testing.AllocsPerRun(100, func() {
		if _, err := v.Verify(c.Request, c.body, "cognito-identity"); err != nil {
			t.Fatal(err)
		}
	}); n > 28 {
		t.Errorf("%v allocations, want at most 28", n)
	}
}
