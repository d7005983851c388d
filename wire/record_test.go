package wire

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// parcel has a member of every form, some of them secret.
type parcel struct {
	ARNList  []string `api:"Plain"`
	Code     string   `api:"Secret"`
	Codes    []string `api:"Secrets"`
	Owners   map[string]string
	Logins   map[string]string `api:"SecretValues"`
	Passes   map[string]string `api:"SecretKeys"`
	Sealed   []string          `api:"SecretList"`
	Count    int64
	Fragile  bool
	Sender   *sender
	Contents []sender
	Unsent   string
}

type sender struct {
	Name string
	PIN  string `api:"Secret"`
}

type parcelReply struct {
	sender
	Sent    Time
	Until   *Time
	Stamps  map[string]string
	Empty   string `json:",omitempty"`
	None    string `xml:",omitempty"`
	Renamed string `json:"arn"`
	Left    []sender
	hidden  string
}

type place string

func (p place) ARN() string { return string(p) }

var parcelShapes = Shapes{
	"Secret": {Sensitive: true, Max: 10}, "Secrets": {Member: "Secret"}, "SecretValues": {Member: "Secret"},
	"SecretKeys": {Key: "Secret"}, "SecretList": {Sensitive: true},
}

func sendParcel(ctx context.Context, in *parcel) (*parcelReply, error) {
	About(ctx, place("arn:of:"+in.Code))
	if in.Count < 0 {
		return nil, &Error{Code: "Lost", Message: "It is lost."}
	}
	return &parcelReply{
		sender: sender{"me", "4711"}, Sent: born, Stamps: map[string]string{"Air": "2"}, Renamed: "x",
		Left: []sender{{Name: "you"}}, hidden: "never",
	}, nil
}

func callOfParcel(t *testing.T, body string) *Call {
	t.Helper()
	var call *Call
	m := NewMux(nil, func(c *Call) { call = c }, &Service{
		Name: "post", Target: "Post", Shapes: parcelShapes, Operations: []Operation{Public("Send", sendParcel)},
	})
	r := petCall("", body)
	r.Header["X-Amz-Target"] = []string{"Post.Send"}
	r.Header["User-Agent"] = []string{"aws-cli/2.13", "more"}
	m.ServeHTTP(&sink{header: http.Header{}}, r)
	return call
}

func TestRecord(t *testing.T) {
	c := callOfParcel(t, `{"ARNList":["a"],"Code":"s1","Codes":["s2","s3"],"Owners":{"Me":"you"},"Logins":{"idp":"s4"},`+
		`"Passes":{"s5":"x"},"Sealed":["s6"],"Count":3,"Fragile":false,"Sender":{"Name":"n","PIN":"s7","Other":"s8"},`+
		`"Contents":[{"PIN":"s9"}],"Unsent":null,"Unknown":"s10"}`)
	request := map[string]any{
		"arnList": []any{"a"}, "code": "-", "codes": []any{"-", "-"}, "owners": map[string]any{"Me": "you"},
		"logins": map[string]any{"idp": "-"}, "passes": "-", "sealed": "-", "count": 3.0, "fragile": false,
		"sender": map[string]any{"name": "n", "pin": "-"}, "contents": []any{map[string]any{"pin": "-"}},
	}
	if diff := cmp.Diff(request, c.Request("-")); diff != "" {
		t.Errorf("request, -want +got:\n%s", diff)
	}
	reply := map[string]any{
		"name": "me", "pin": "4711", "sent": time.UnixMilli(1538078988077), "stamps": map[string]any{"Air": "2"}, "arn": "x",
		"left": []any{map[string]any{"name": "you", "pin": ""}},
	}
	if diff := cmp.Diff(reply, c.Reply()); diff != "" {
		t.Errorf("reply, -want +got:\n%s", diff)
	}
	if !c.Reached() || c.Signed() || c.About() != "arn:of:s1" || c.UserAgent() != "aws-cli/2.13, more" {
		t.Errorf("reached %t, signed %t, about %s, by %s", c.Reached(), c.Signed(), c.About(), c.UserAgent())
	}
}

// What was not taken is not shown, nor is there a reply to an error.
func TestRecordOfRefusals(t *testing.T) {
	for body, accepted := range map[string]bool{
		`{"Count":-1}`: true, `{"Code":"far too long"}`: false, `{"Code":1}`: false, `[`: false,
	} {
		c := callOfParcel(t, body)
		if !c.Reached() || (c.Request("-") != nil) != accepted || c.Reply() != nil || c.Code == "" || accepted != (c.Message == "It is lost.") {
			t.Errorf("%s: reached %t, request %v, reply %v, %s: %s", body, c.Reached(), c.Request("-"), c.Reply(), c.Code, c.Message)
		}
	}
	s := newToys(t, asItIs)
	for _, r := range []*http.Request{petCall("Whoami", `{}`), petCall("Eat", `{}`), garageCall("Fly")} {
		if c := s.do(t, r).call; c.Reached() || c.Signed() || c.About() != "" || c.Request("-") != nil || c.Reply() != nil {
			t.Errorf("%s came further than its signature", c.Operation)
		}
	}
}
