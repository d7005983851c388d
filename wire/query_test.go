package wire

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

const (
	formType     = "application/x-www-form-urlencoded"
	garageSpace  = "https://garage.example.com/doc/2010-05-08/"
	garageAction = "Version=2010-05-08&Action="
)

// repairInput has a member of every kind that a Query request may hold.
type repairInput struct {
	Car    string     `api:"Word" json:",omitempty"`
	Urgent *bool      `json:",omitempty"`
	Hours  int64      `api:"Count" json:",omitempty"`
	Parts  []string   `api:"Words" json:",omitzero"`
	Tags   []carTag   `json:",omitzero"`
	Owner  *owner     `json:",omitempty"`
	Grid   [][]string `json:",omitzero"`
}

type carTag struct {
	Key   string `api:"Word,required"`
	Value string `json:",omitempty"`
}

type owner struct {
	Name  string   `json:"name,omitempty"`
	Homes []carTag `json:",omitzero"`
}

// repair answers with its input, in JSON.
func repair(_ context.Context, in *repairInput) (*struct{ Seen string }, error) {
	seen, err := json.Marshal(in)
	return &struct{ Seen string }{string(seen)}, err
}

type carOutput struct {
	Car     string
	Built   Time
	Wheels  []string `xml:"Wheels>member"`
	Missing string   `xml:",omitempty"`
}

func look(context.Context, *struct{}) (*carOutput, error) {
	return &carOutput{Car: "<red> & 'fast'", Built: born, Wheels: []string{"a", "b"}}, nil
}

func garage() *Service {
	return &Service{
		Name: "garage", Version: "2010-05-08", Namespace: garageSpace, Shapes: orderShapes,
		Operations: []Operation{
			Public("Fail", fail),
			Public("Look", look),
			Public("Repair", repair),
			Public("Wash", leave),
			Signed("Whoami", whoami),
		},
	}
}

// depot has another version, an action of the same name as garage's, and a word of its own for what was not foreseen.
func depot() *Service {
	return &Service{
		Name: "depot", Version: "2011-06-15", Namespace: "https://depot.example.com/doc/2011-06-15/", Unforeseen: "DepotFailure",
		Operations: []Operation{Public("Collapse", fail), Public("Load", leave), Public("Wash", leave)},
	}
}

// formCall posts a form, garageCall one of garage's: an action and its parameters.
func formCall(form string) *http.Request {
	r, err := http.NewRequest(http.MethodPost, "http://toys.example.com/", strings.NewReader(form))
	if err != nil {
		panic(err)
	}
	return with(r, "Content-Type", formType)
}

func garageCall(form string) *http.Request { return formCall(garageAction + form) }

func urlCall(method, query string) *http.Request {
	return httptest.NewRequest(method, "http://toys.example.com/?"+query, http.NoBody)
}

// presignedCall is Whoami of the garage as a presigned URL.
func presignedCall() *signer {
	return presigned().with(func(s *signer) {
		s.host, s.service, s.query = "toys.example.com", "garage", "Action=Whoami&Version=2010-05-08"
	})
}

// done is a reply of success, as told prints it; refused one of failure.
func done(space, operation, result string) string {
	return "200 <" + operation + `Response xmlns="` + space + `">` + result +
		"<ResponseMetadata><RequestId>ID</RequestId></ResponseMetadata></" + operation + "Response>"
}

func refused(status, space, fault, code, message string) string {
	if space != "" {
		space = ` xmlns="` + space + `"`
	}
	return status + " <ErrorResponse" + space + "><Error><Type>" + fault + "</Type><Code>" + code + "</Code><Message>" + message +
		"</Message></Error><RequestId>ID</RequestId></ErrorResponse>"
}

func TestMuxQuery(t *testing.T) {
	s := newToys(t, asItIs)
	washed := done(garageSpace, "Wash", "")
	washedThere := done("https://depot.example.com/doc/2011-06-15/", "Wash", "")
	loaded := done("https://depot.example.com/doc/2011-06-15/", "Load", "")
	mine := done(garageSpace, "Whoami",
		"<WhoamiResult><Account>000000000000</Account><AccessKeyId>AKIDEXAMPLE</AccessKeyId><Region>eu-west-1</Region></WhoamiResult>")
	noAction := refused("400", "", "Sender", "MissingAction", "The request must have an Action parameter, or an X-Amz-Target header.")
	malformed := func(message string) string { return refused("400", "", "Sender", "MalformedQueryString", message) }
	bad := func(status, code, message string) string {
		return refused(status, garageSpace, "Sender", code, message)
	}
	nowhere := func(action, version string) string {
		return refused("400", "", "Sender", "InvalidAction", "Could not find operation "+action+" for version "+version)
	}
	for _, c := range []struct {
		name string
		call *http.Request
		want string
	}{
		// Where the action stands.
		{"in a form", garageCall("Wash"), washed},
		{"in a URL", urlCall(http.MethodGet, garageAction+"Wash"), washed},
		{"in a URL, posted without a body", urlCall(http.MethodPost, garageAction+"Wash"), washed},
		{"in a form that isn't posted", by(garageCall("Wash"), http.MethodPut), noAction},
		{"in a form with a charset", with(garageCall("Wash"), "Content-Type", formType+"; charset=utf-8"), washed},
		{"in a form of another type", with(garageCall("Wash"), "Content-Type", "multipart/form-data; boundary=x"), noOperation},
		{"in a form of no type", without(garageCall("Wash"), "Content-Type"), noOperation},

		// Action and version.
		{"of another version", formCall("Action=Wash&Version=2011-06-15"), washedThere},
		{"of no version", formCall("Action=Load"), loaded},
		{"of no version, twice there", formCall("Action=Wash"), washed},
		{
			"of the wrong version", formCall("Action=Load&Version=2010-05-08"),
			refused("400", garageSpace, "Sender", "InvalidAction", "Could not find operation Load for version 2010-05-08"),
		},
		{"of an unknown version", formCall("Action=Wash&Version=1"), nowhere("Wash", "1")},
		{"unknown", formCall("Action=Fly"), nowhere("Fly", "NO_VERSION_SPECIFIED")},
		{"unknown, and odd", formCall("Action=%3Cb%3E%00%0A%C3%A4"), nowhere("&lt;b&gt;???", "NO_VERSION_SPECIFIED")},
		{"an operation of JSON", formCall("Action=Meet"), nowhere("Meet", "NO_VERSION_SPECIFIED")},
		{"no action", formCall("Version=2010-05-08"), noAction},
		{"nothing", urlCall(http.MethodGet, ""), noAction},

		// A request that two readers could read differently.
		{"a parameter twice", garageCall("Wash&Action=Repair"), malformed("The parameter Action stands more than once.")},
		{"a parameter twice, alike", garageCall("Wash&x=&x="), malformed("The parameter x stands more than once.")},
		{"a parameter twice, escaped", garageCall("Wash&ab=1&%61b=1"), malformed("The parameter ab stands more than once.")},
		{"in the form and in the URL", func() *http.Request {
			r := garageCall("Wash")
			r.URL.RawQuery = "Action=Wash"
			return r
		}(), malformed("The parameter Action stands more than once.")},
		{"a broken escape", garageCall("Wash&x=%zz"), malformed("The request is not a well-formed query string.")},
		{"a broken escape in a URL", urlCall(http.MethodGet, garageAction+"Wash&x=%zz"), malformed("The request is not a well-formed query string.")},
		{"a semicolon", garageCall("Wash;x=1"), malformed("The request is not a well-formed query string.")},
		{"no UTF-8", garageCall("Wash&x=%ff"), malformed("The parameters are not UTF-8.")},
		{"no UTF-8 in a name", garageCall("Wash&%ff=x"), malformed("The parameters are not UTF-8.")},

		// Signatures, in a header or in the URL.
		{"signed", signed(garageCall("Whoami"), "garage"), mine},
		{"presigned", presignedCall().call().Request, mine},
		{"presigned, then changed", presignedCall().url("Version", "x=1&Version").call().Request, bad("403", "SignatureDoesNotMatch", mismatchText)},
		{"not signed", garageCall("Whoami"), bad("403", "MissingAuthenticationToken", "Missing Authentication Token")},
		{
			"a broken signature", with(garageCall("Whoami"), "Authorization", "AWS4-HMAC-SHA256 Credential=a, SignedHeaders=b, Signature=c"),
			bad("400", "IncompleteSignature", "Authorization header requires existence of either a &#39;X-Amz-Date&#39; or a &#39;Date&#39; header."),
		},
		{"garbage on a public row", with(garageCall("Wash"), "Authorization", "AWS4-HMAC-SHA256 garbage"), washed},

		// The reply.
		{"output", garageCall("Look"), done(garageSpace, "Look", "<LookResult><Car>&lt;red&gt; &amp; &#39;fast&#39;</Car>"+
			"<Built>2018-09-27T20:09:48Z</Built><Wheels><member>a</member><member>b</member></Wheels></LookResult>")},
		{"a failed constraint", garageCall("Repair&Car=%3C"), bad("400", "ValidationError",
			"2 validation errors detected: Value &#39;&lt;&#39; at &#39;car&#39; failed to satisfy constraint: "+atLeast+"2; "+
				"Value &#39;&lt;&#39; at &#39;car&#39; failed to satisfy constraint: "+matching+"[a-z]+")},
		{"an error", garageCall("Fail&How=odd&Message=m&Status=409"), bad("409", "OddException", "m")},
		{"an error without a text", garageCall("Fail&How=odd"), bad("400", "OddException", "")},
		{"a fault", garageCall("Fail&How=odd&Message=m&Status=503"), refused("503", garageSpace, "Receiver", "OddException", "m")},
		{"an unforeseen error", garageCall("Fail"), refused("500", garageSpace, "Receiver", "InternalFailure",
			"An internal error has occurred. Its request id is in the server&#39;s log.")},
		{"an unforeseen error of another service", formCall("Version=2011-06-15&Action=Collapse"), refused("500", "https://depot.example.com/doc/2011-06-15/", "Receiver",
			"DepotFailure", "An internal error has occurred. Its request id is in the server&#39;s log.")},
		{"a panic", garageCall("Fail&How=panic"), refused("500", garageSpace, "Receiver", "InternalFailure",
			"An internal error has occurred. Its request id is in the server&#39;s log.")},
		{
			"a form too large", garageCall("Wash&x=" + strings.Repeat("x", 1<<20)),
			refused("413", "", "Sender", "RequestEntityTooLargeException", "Request body is larger than 1 MiB."),
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			reply := s.do(t, c.call)
			if diff := cmp.Diff(c.want, reply.String()); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if got := reply.Header.Get("Content-Type"); got != "text/xml" && c.want != noOperation {
				t.Errorf("Content-Type is %s", got)
			}
		})
	}
}

// What a form means, in JSON, or how it is refused.
func TestQueryParameters(t *testing.T) {
	m := NewMux(nil, func(*Call) {}, garage())
	const (
		noList = "MalformedInput: Expected list or null"
		noMap  = "MalformedInput: Expected map or null"

		tooDeep = "MalformedQueryString: The name of a parameter has more than 8 steps."
		noBool  = "MalformedInput: STRING_VALUE can not be converted to a Boolean"
		noInt   = "MalformedInput: STRING_VALUE can not be converted to an Integer"
	)
	failing := func(failures ...string) string { return "ValidationError: " + detected(failures...) }
	for _, c := range []struct{ form, want string }{
		{"", `{}`},
		{"&&&", `{}`},
		{"Unknown=1&Car.x=1&car=1&.=1&=1", `{}`},
		{"Car=audi", `{"Car":"audi"}`},
		{"Car=a", failing(of("a", "car", atLeast+"2"))},
		{"Car=", failing(of("", "car", atLeast+"2"), of("", "car", matching+"[a-z]+"))},
		{"Car", failing(of("", "car", atLeast+"2"), of("", "car", matching+"[a-z]+"))},

		// Booleans and integers.
		{"Urgent=true", `{"Urgent":true}`},
		{"Urgent=false", `{"Urgent":false}`},
		{"Urgent=yes", noBool},
		{"Urgent=", noBool},
		{"Hours=60", `{"Hours":60}`},
		{"Hours=61", failing(of("61", "hours", valueAtMost+"60"))},
		{"Hours=-1", failing(of("-1", "hours", valueAtLeast+"1"))},
		{"Hours=", noInt},
		{"Hours=many", noInt},
		{"Hours=1.5", noInt},
		{"Hours=1e1", noInt},
		{"Hours=0x1p4", noInt},
		{"Hours=1_0", noInt},
		{"Hours=NaN", noInt},
		{"Hours=Inf", noInt},
		{"Hours=1e400", noInt},
		{"Hours=9007199254740993", "MalformedInput: NUMBER_VALUE can not be converted to an Integer"},
		{"Hours=99999999999999999999", noInt},

		// Lists are numbered from 1 on, without gaps.
		{"Parts.member.1=door", `{"Parts":["door"]}`},
		{"Parts.member.2=roof&Parts.member.1=door", `{"Parts":["door","roof"]}`},
		{"Parts.member.1=door&Parts.member.2=a", failing(of("[door, a]", "parts", everyMember+word))},
		{"Tags=", `{"Tags":[]}`},
		{"Tags=x", noList},
		{"Tags.member=", noList},
		{"Tags.member=x", noList},
		{"Tags.1.Key=ab", noList},
		{"Tags.entry.1.Key=ab", noList},
		{"Tags.member.1.Key=ab&Tags.entry.1.Key=ab", noList},
		{"Tags.member.2.Key=ab", noList},
		{"Tags.member.1.Key=ab&Tags.member.3.Key=ab", noList},
		{"Tags.member.0.Key=ab&Tags.member.1.Key=ab", noList},
		{"Tags.member.-1.Key=ab", noList},
		{"Tags.member.01.Key=ab", noList},
		{"Tags.member.%2b1.Key=ab", noList},
		{"Tags.member.%d9%a1.Key=ab", noList}, // an Arabic one
		{"Tags.member.99999999.Key=ab", noList},
		{"Tags.member.99999999999999999999.Key=ab", noList},
		{"Tags.member..Key=ab", noList},
		{"Grid.member.1.member.1=a&Grid.member.1.member.2=b&Grid.member.2=", `{"Grid":[["a","b"],[]]}`},
		{"Grid.member.1.member.2=a", noList},

		// Structures.
		{"Tags.member.1.Key=ab&Tags.member.1.Value=c", `{"Tags":[{"Key":"ab","Value":"c"}]}`},
		{"Tags.member.1.Key=ab&Tags.member.1.Value=", `{"Tags":[{"Key":"ab"}]}`},
		{"Tags.member.1.Value=c", failing(at("null", "tags.1.member.key", notNull))},
		{"Tags.member.1.Other=c", failing(at("null", "tags.1.member.key", notNull))},
		{"Tags.member.1=c", noMap},
		{"Owner.name=Ann", `{"Owner":{"name":"Ann"}}`},
		{"Owner.Name=Ann", `{"Owner":{}}`},
		{"Owner=Ann", noMap},
		{"Owner.name=Ann&Owner.Homes.member.1.Key=ab", `{"Owner":{"name":"Ann","Homes":[{"Key":"ab"}]}}`},
		{
			"Owner.Homes.member.1.Key=?",
			failing(of("?", "owner.homes.1.member.key", atLeast+"2"), of("?", "owner.homes.1.member.key", matching+"[a-z]+")),
		},

		// What can't hurt.
		{"Car" + strings.Repeat(".a", 8) + "=1", `{}`},
		{"Car" + strings.Repeat(".a", 9) + "=1", tooDeep},
		{strings.Repeat(".", 100_000) + "=1", tooDeep},
		{"Tags.member.1.Key=ab&Tags.member.1.Key.x=ab", `{"Tags":[{"Key":"ab"}]}`},
	} {
		t.Run(c.form[:min(len(c.form), 60)], func(t *testing.T) {
			w := httptest.NewRecorder()
			m.ServeHTTP(w, garageCall("Repair&"+c.form))
			var reply struct {
				Seen    string `xml:"RepairResult>Seen"`
				Code    string `xml:"Error>Code"`
				Message string `xml:"Error>Message"`
			}
			if err := xml.Unmarshal(w.Body.Bytes(), &reply); err != nil {
				t.Fatal(err)
			}
			got := reply.Seen
			if reply.Code != "" {
				got = reply.Code + ": " + reply.Message
			}
			if got != c.want {
				t.Errorf("%s\nwant %s", got, c.want)
			}
		})
	}
}

// wellFormed says what is wrong with an XML document.
func wellFormed(document []byte) error {
	d := xml.NewDecoder(bytes.NewReader(document))
	for elements := 0; ; elements++ {
		switch _, err := d.Token(); {
		case errors.Is(err, io.EOF) && elements > 0:
			return nil
		case err != nil:
			return err
		}
	}
}

// inXML is a letter as a document shows it: those that may not stand in one are replaced.
func inXML(r rune) rune {
	switch {
	case r == '\t', r == '\n', r == '\r', r >= 0x20 && r <= 0xd7ff, r >= 0xe000 && r <= 0xfffd, r >= 0x10000:
		return r
	}
	return '\ufffd'
}

// Whatever a stranger has echoed, the reply stays a document, and shows all that may stand in one.
func TestXMLRepliesAreWellFormed(t *testing.T) {
	m := NewMux(nil, func(*Call) {}, garage())
	reply := func(t *rapid.T, form string) []byte {
		w := httptest.NewRecorder()
		m.ServeHTTP(w, garageCall(form))
		if err := wellFormed(w.Body.Bytes()); err != nil || w.Code >= http.StatusInternalServerError {
			t.Fatalf("%s: %d, %v: %s", form, w.Code, err, w.Body)
		}
		return w.Body.Bytes()
	}
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(rapid.String(), rapid.StringOf(rapid.SampledFrom([]rune("<>&'\"]]>\x00\r\n\x7f\u2028\ufffe\uffff😀")))).Draw(t, "text")
		var told struct {
			Message string `xml:"Error>Message"`
		}
		if err := xml.Unmarshal(reply(t, "Fail&How=odd&Message="+url.QueryEscape(text)), &told); err != nil {
			t.Fatal(err)
		}
		if want := strings.Map(inXML, text); told.Message != want {
			t.Errorf("%q became %q", want, told.Message)
		}
		octets := url.QueryEscape(string(rapid.SliceOf(rapid.Byte()).Draw(t, "octets")))
		for _, form := range []string{"Repair&Car=", "Repair&Tags.member.1.Key=", "Repair&Tags=", "Repair&", "Look&x=1&Action="} {
			reply(t, form+url.QueryEscape(text))
			reply(t, form+octets)
		}
	})
}
