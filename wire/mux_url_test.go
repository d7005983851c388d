package wire

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// wish has a member of every kind that a URL may be asked for.
type wish struct {
	Word  string            `api:"Word" json:",omitempty"`
	Count int64             `api:"Count" json:",omitempty"`
	Gift  *bool             `json:",omitempty"`
	Words []string          `api:"Words" json:",omitzero"`
	Notes map[string]string `api:"Notes" json:",omitzero"`
	Home  *owner            `json:",omitempty"`
}

// wishes answers with what it was asked: Whisper anybody, Sign and Grant who has signed.
func wishes() *Mux {
	return NewMux(verifierAt(testTime), func(*Call) {}, &Service{
		Name: "wishes", Target: "WishService", Shapes: orderShapes,
		Operations: []Operation{
			Public("Whisper", func(_ context.Context, in *wish) (*wish, error) { return in, nil }),
			Signed("Sign", func(_ context.Context, _ Caller, in *wish) (*wish, error) { return in, nil }),
			Signed("Grant", func(_ context.Context, _ Caller, in *wish) (*wish, error) { return in, nil }),
		},
	})
}

// answer is status and body of a mux's reply.
func answer(m *Mux, r *http.Request) string {
	w := httptest.NewRecorder()
	m.ServeHTTP(w, r)
	return strings.TrimSpace(http.StatusText(w.Code) + " " + w.Body.String())
}

func whisper(query, body string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "http://toys.example.com/?"+query, strings.NewReader(body))
	return with(with(r, "Content-Type", jsonType), "X-Amz-Target", "WishService.Whisper")
}

// A call of JSON 1.1 without a body has its members in its URL.
func TestMuxJSONInURL(t *testing.T) {
	m := wishes()
	wrong := func(message string) string {
		return `Bad Request {"__type":"SerializationException","Message":"` + message + `"}`
	}
	const nonsense = `Bad Request {"__type":"SerializationException"}`
	for _, c := range []struct {
		query, body, want string
	}{
		{"Word=ab", "", `OK {"Word":"ab"}`},
		{"Count=5", "", `OK {"Count":5}`},
		{"Gift=true", "", `OK {"Gift":true}`},
		{"Gift=False", "", `OK {"Gift":false}`}, // as Python writes it
		{"Word=%61b&Count=60&Gift=True", "", `OK {"Word":"ab","Count":60,"Gift":true}`},
		{"X-Amz-Expires=60", "", `OK {}`},
		{"Wine=red&word=ab&X-Amz-Expires=60&Word.member.1=ab", "", `OK {}`}, // unknown members

		{"Word=a", "", `Bad Request {"__type":"ValidationException","message":"1 validation error detected: ` +
			`Value 'a' at 'word' failed to satisfy constraint: Member must have length greater than or equal to 2"}`},
		{"Word=", "", `Bad Request {"__type":"ValidationException","message":"2 validation errors detected: ` +
			`Value '' at 'word' failed to satisfy constraint: Member must have length greater than or equal to 2; ` +
			`Value '' at 'word' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-z]+"}`},

		{"Count=five", "", wrong("STRING_VALUE can not be converted to an Integer")},
		{"Count=5.0", "", wrong("STRING_VALUE can not be converted to an Integer")},
		{"Count=9007199254740993", "", wrong("NUMBER_VALUE can not be converted to an Integer")},
		{"Gift=yes", "", wrong("STRING_VALUE can not be converted to a Boolean")},
		{"Words=ab", "", wrong("Expected list or null")},
		{"Words=", "", wrong("Expected list or null")},
		{"Words=ab&Words=cd", "", wrong("The parameter Words stands more than once.")},
		{"Notes=%7B%27ab%27%3A%20%27%27%7D", "", wrong("Expected map or null")},
		{"Home=x", "", wrong("Expected map or null")},
		{"Word=ab&Word=cd", "", wrong("The parameter Word stands more than once.")},
		{"Word=%zz", "", wrong("The request is not a well-formed query string.")},
		{"Word=%ff", "", wrong("The parameters are not UTF-8.")},

		// With a body the URL says nothing, and without either there is no call.
		{"Word=ab", "{}", `OK {}`},
		{"Word=ab", " ", nonsense},
		{"", "", nonsense},
	} {
		t.Run(c.query+" "+c.body, func(t *testing.T) {
			if diff := cmp.Diff(c.want, answer(m, whisper(c.query, c.body))); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// presignedWish is Sign as botocore presigns it.
func presignedWish() *signer {
	return presigned().with(func(s *signer) {
		s.method, s.host, s.service, s.query = "POST", "toys.example.com", "wishes", "Word=ab"
	}).set("Content-Type", jsonType).set("X-Amz-Target", "WishService.Sign")
}

// Whoever is given a URL cannot make another call of it.
func TestMuxPresignedJSON(t *testing.T) {
	m := wishes()
	refused := func(message string) string {
		return `Bad Request {"__type":"InvalidSignatureException","message":"` + message + `"}`
	}
	for _, c := range []struct {
		name string
		call *signer
		want string
	}{
		{"as it was signed", presignedWish(), `OK {"Word":"ab"}`},
		{"no member", presignedWish().with(func(s *signer) { s.query = "" }), `OK {}`},
		{"another member", presignedWish().url("Word=ab", "Word=cd"), refused(mismatchText)},
		{"a member more", presignedWish().url("Word=ab", "Word=ab&Count=5"), refused(mismatchText)},
		{
			"a body", presignedWish().later(func(c *call) { c.Body = whisper("", `{"Word":"cd"}`).Body }),
			refused(mismatchText),
		},
		{"another operation", presignedWish().setLater("X-Amz-Target", "WishService.Grant"), refused(mismatchText)},
		{
			"an operation that isn't signed", presignedWish().without("x-amz-target"),
			refused("'x-amz-target' must be a 'SignedHeader' in the AWS Authorization."),
		},
		{"JSON of another name", presignedWish().setLater("Content-Type", "application/json"), refused(mismatchText)},
		{"JSON of another name, not signed", presignedWish().without("content-type"), `OK {"Word":"ab"}`},
		{
			"not posted", presignedWish().with(func(s *signer) { s.method = "GET" }),
			`Bad Request {"__type":"UnknownOperationException"}`,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, answer(m, c.call.call().Request)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// What botocore itself has presigned.
func TestMuxPresignedByBotocore(t *testing.T) {
	type input struct {
		IdentityPoolId      string            `json:",omitempty"`
		MaxResults          int               `json:",omitempty"`
		NextToken           string            `json:",omitempty"`
		HideDisabled        bool              `json:",omitempty"`
		IdentityIdsToDelete []string          `json:",omitempty"`
		Tags                map[string]string `json:",omitempty"`
	}
	echo := func(_ context.Context, _ Caller, in *input) (*input, error) { return in, nil }
	var operations []Operation
	for _, name := range []string{"ListIdentityPools", "ListIdentities", "DeleteIdentities", "TagResource"} {
		operations = append(operations, Signed(name, echo))
	}
	m := NewMux(verifierAt(testTime), func(*Call) {},
		&Service{Name: "cognito-identity", Target: "AWSCognitoIdentityService", Operations: operations})
	got := map[string]string{}
	for _, c := range readClientRequests(t) {
		if strings.HasPrefix(c.name, "presigned-json") {
			r, _, err := readRequest(c.text)
			if err != nil {
				t.Fatal(err)
			}
			got[c.name] = answer(m, r)
		}
	}
	want := map[string]string{
		"presigned-json":         `OK {"MaxResults":10}`,
		"presigned-json-session": `OK {"MaxResults":10}`,
		"presigned-json-members": `OK {"IdentityPoolId":"eu-west-1:00000000-0000-4000-8000-000000000000","MaxResults":5,"NextToken":"a+b/c==","HideDisabled":true}`,
		"presigned-json-list":    `Bad Request {"__type":"SerializationException","Message":"Expected list or null"}`,
		"presigned-json-map":     `Bad Request {"__type":"SerializationException","Message":"Expected map or null"}`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
