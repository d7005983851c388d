package wire

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// toys is a server of three toy services: pets in JSON 1.1, garage and depot in Query. Their operations do what their input
// says, and it keeps what the mux tells of each call.
type toys struct {
	*httptest.Server
	calls chan *Call
}

type petInput struct {
	Name string `api:"Word,required"`
	Age  int64
	Kind string
}

type pet struct {
	Name string
	Born Time
	Call string // the id of the call
}

type failInput struct {
	How, Message string
	Status       int64
}

type whoamiOutput struct{ Account, AccessKeyId, Region string }

var (
	errForeseen = errors.New("no such pet in the database")
	born        = Time{time.UnixMilli(1538078988077)}
)

func meet(ctx context.Context, in *petInput) (*pet, error) {
	return &pet{Name: in.Name + in.Kind, Born: born, Call: RequestID(ctx)}, nil
}

func leave(context.Context, *struct{}) (*Nothing, error) { return nil, nil }

func nod(context.Context, *struct{}) (*struct{}, error) { return &struct{}{}, nil }

func garble(context.Context, *struct{}) (*struct{ X chan int }, error) {
	return &struct{ X chan int }{}, nil
}

func whoami(_ context.Context, c Caller, _ *struct{}) (*whoamiOutput, error) {
	return &whoamiOutput{c.Account, c.AccessKeyID, c.Region}, nil
}

func fail(_ context.Context, in *failInput) (*Nothing, error) {
	odd := &Error{Code: "OddException", Message: in.Message, Status: int(in.Status), Cause: errors.New("the cause")}
	switch in.How {
	case "odd":
		return nil, odd
	case "in depth":
		return nil, fmt.Errorf("a floor above: %w", odd)
	case "foreseen":
		return nil, fmt.Errorf("a floor above: %w", errForeseen)
	case "panic":
		panic("a secret")
	}
	return nil, errors.New("a secret")
}

func mapPetError(err error) *Error {
	switch {
	case errors.Is(err, errForeseen):
		return &Error{Code: "PetNotFoundException", Message: "There is no such pet.", Status: http.StatusNotFound}
	case errors.Is(err, errDatabaseDown):
		return &Error{Code: codeInternal, Message: "Try again later.", Status: http.StatusInternalServerError, Cause: err}
	}
	return nil
}

func pets() *Service {
	return &Service{
		Name: "pets", Target: "PetService", Shapes: orderShapes, MapError: mapPetError,
		Operations: []Operation{
			Public("Fail", fail),
			Public("Garble", garble),
			Public("Leave", leave),
			Public("Meet", meet),
			Public("Nod", nod),
			Signed("Whoami", whoami),
		},
	}
}

func newToys(tb testing.TB, change func(*Mux) *Mux) *toys {
	s := &toys{calls: make(chan *Call, 1)}
	observe := func(c *Call) { s.calls <- c }
	s.Server = httptest.NewServer(change(NewMux(verifierAt(testTime), observe, pets(), garage(), depot())))
	tb.Cleanup(s.Close)
	return s
}

func asItIs(m *Mux) *Mux { return m }

// told is a reply, and the call as the mux told it.
type told struct {
	*http.Response
	body string
	call *Call
}

// String is the reply's status and body, with ID for the request id.
func (r *told) String() string {
	return fmt.Sprint(r.StatusCode, " ", strings.ReplaceAll(r.body, r.call.RequestID, "ID"))
}

var requestIDForm = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)

// do sends a request and checks what holds for every reply.
func (s *toys) do(t *testing.T, r *http.Request) *told {
	t.Helper()
	r.URL.Host, r.RequestURI = s.Listener.Addr().String(), ""
	response, err := s.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	return s.told(t, response)
}

func (s *toys) told(t *testing.T, response *http.Response) *told {
	t.Helper()
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	reply := &told{response, string(body), <-s.calls}
	if id := reply.Header.Get("X-Amzn-Requestid"); !requestIDForm.MatchString(id) || id != reply.call.RequestID {
		t.Errorf("x-amzn-RequestId is %q, the call's id %q", id, reply.call.RequestID)
	}
	if response.ContentLength != int64(len(body)) {
		t.Errorf("Content-Length is %d, of a body of %d bytes", response.ContentLength, len(body))
	}
	if reply.call.Status != response.StatusCode || (reply.call.Code == "") != (response.StatusCode == http.StatusOK) {
		t.Errorf("the reply is %s, the call %+v", response.Status, reply.call)
	}
	return reply
}

// petCall calls an operation in JSON; by, with and without change its method and headers, and signed signs it as it is by then.
func petCall(operation, body string) *http.Request {
	r, err := http.NewRequest(http.MethodPost, "http://toys.example.com/", strings.NewReader(body))
	if err != nil {
		panic(err)
	}
	return with(with(r, "Content-Type", jsonType), "X-Amz-Target", "PetService."+operation)
}

func by(r *http.Request, method string) *http.Request       { r.Method = method; return r }
func with(r *http.Request, key, value string) *http.Request { r.Header.Set(key, value); return r }
func without(r *http.Request, key string) *http.Request     { r.Header.Del(key); return r }

func signed(r *http.Request, service string) *http.Request {
	reader, err := r.GetBody()
	if err != nil {
		panic(err)
	}
	body, _ := io.ReadAll(reader)
	key := Key{Secret: testSecret, Caller: Caller{AccessKeyID: testKeyID}}
	Sign(r, body, key, "eu-west-1", service, testTime)
	return r
}

const (
	me          = `{"Account":"000000000000","AccessKeyId":"AKIDEXAMPLE","Region":"eu-west-1"}`
	rex         = `{"Name":"rex"}`
	hello       = `200 {"Name":"rex","Born":1538078988.077,"Call":"ID"}`
	noOperation = `400 {"__type":"UnknownOperationException"}`
	noSense     = `400 {"__type":"SerializationException"}`
)

func TestMuxJSON(t *testing.T) {
	s := newToys(t, asItIs)
	sensible := func(text string) string { return `400 {"__type":"SerializationException","Message":"` + text + `"}` }
	for _, c := range []struct {
		name string
		call *http.Request
		want string
	}{
		// The target.
		{"short target", petCall("Meet", rex), hello},
		{"long target", with(petCall("Meet", rex), "X-Amz-Target", "com.amazonaws.pets.model.PetService.Meet"), hello},
		{"wrong prefix", with(petCall("Meet", rex), "X-Amz-Target", "CatService.Meet"), noOperation},
		{"no prefix", with(petCall("Meet", rex), "X-Amz-Target", "Meet"), noOperation},
		{"nothing but a dot", with(petCall("Meet", rex), "X-Amz-Target", "."), noOperation},
		{"no operation", petCall("", rex), noOperation},
		{"unknown operation", petCall("Eat", rex), noOperation},
		{"another letter case", petCall("meet", rex), noOperation},
		{"operation of a Query service", petCall("Wash", rex), noOperation},
		{"no target", without(petCall("Meet", rex), "X-Amz-Target"), noOperation},
		{"empty target", with(petCall("Meet", rex), "X-Amz-Target", ""), noOperation},
		{"target and an action", with(petCall("Eat", "Action=Wash"), "Content-Type", formType), noOperation},

		{"not posted", by(petCall("Meet", rex), http.MethodGet), noOperation},

		// The content type.
		{"with parameters", with(petCall("Meet", rex), "Content-Type", "Application/X-Amz-JSON-1.1 ; charset=utf-8"), hello},
		{"plain JSON", with(petCall("Meet", rex), "Content-Type", "application/json"), hello},
		{"text", with(petCall("Meet", rex), "Content-Type", "text/plain"), noOperation},
		{"JSON 1.0", with(petCall("Meet", rex), "Content-Type", "application/x-amz-json-1.0"), noOperation},
		{"none", without(petCall("Meet", rex), "Content-Type"), noOperation},
		{"text, and no target", with(without(petCall("Meet", rex), "X-Amz-Target"), "Content-Type", "text/plain"), noOperation},

		// The body.
		{"empty body", petCall("Meet", ""), noSense},
		{"blank body", petCall("Meet", " \n"), noSense},
		{"null", petCall("Meet", "null"), noSense},
		{"text body", petCall("Meet", `"x"`), noSense},
		{"number body", petCall("Meet", `1`), noSense},
		{"boolean body", petCall("Meet", `true`), noSense},
		{"list body", petCall("Meet", `[]`), sensible(listFound)},
		{"cut off", petCall("Meet", rex[:5]), noSense},
		{"two bodies", petCall("Meet", rex+rex), noSense},
		{"no UTF-8", petCall("Meet", "{\"Name\":\"\xff\"}"), noSense},
		{"byte order mark", petCall("Meet", "\uFEFF"+rex), noSense},
		{"too deep", petCall("Meet", strings.Repeat(`{"a":`, 50_000)), noSense},
		{"deep", petCall("Meet", `{"Name":"rex","x":`+strings.Repeat(`[`, 5000)+strings.Repeat(`]`, 5000)+`}`), hello},
		{"wrong type", petCall("Meet", `{"Name":1}`), sensible("NUMBER_VALUE can not be converted to a String")},
		{
			"failed constraint", petCall("Meet", `{}`),
			`400 {"__type":"ValidationException","message":"1 validation error detected: Value null at 'name' failed to satisfy constraint: Member must not be null"}`,
		},

		// The reply.
		{"no output", petCall("Leave", `{}`), "200 "},
		{"empty output", petCall("Nod", `{}`), "200 {}"},
		{
			"as it is", petCall("Meet", `{"Name":"rex","Kind":"<&>\"\u0007\u00e4"}`),
			`200 {"Name":"rex<&>\"\u0007ä","Born":1538078988.077,"Call":"ID"}`,
		},

		// Signatures.
		{"signed", signed(petCall("Whoami", `{}`), "pets"), "200 " + me},
		{"signed, plain JSON", signed(with(petCall("Whoami", `{}`), "Content-Type", "application/json"), "pets"), "200 " + me},
		{
			"not signed", petCall("Whoami", `{}`),
			`400 {"__type":"MissingAuthenticationTokenException","message":"Missing Authentication Token"}`,
		},
		{
			"not signed, and no sense", petCall("Whoami", ``),
			`400 {"__type":"MissingAuthenticationTokenException","message":"Missing Authentication Token"}`,
		},
		{
			"signed for another service", signed(petCall("Whoami", `{}`), "cats"),
			`400 {"__type":"InvalidSignatureException","message":"Credential should be scoped to correct service: 'pets'."}`,
		},
		{
			"signed, then changed", with(signed(petCall("Whoami", `{}`), "pets"), "Content-Type", "application/json"),
			`400 {"__type":"InvalidSignatureException","message":"` + mismatchText + `"}`,
		},
		{"garbage on a public row", with(petCall("Meet", rex), "Authorization", "AWS4-HMAC-SHA256 garbage"), hello},
		{"a foreign signature on a public row", signed(petCall("Meet", rex), "cats"), hello},
	} {
		t.Run(c.name, func(t *testing.T) {
			reply := s.do(t, c.call)
			if diff := cmp.Diff(c.want, reply.String()); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			want := jsonType
			if c.call.Header.Get("Content-Type") == "application/json" {
				want = "application/json"
			}
			if got := reply.Header.Get("Content-Type"); got != want {
				t.Errorf("Content-Type is %s, want %s", got, want)
			}
		})
	}
}

func TestMuxErrors(t *testing.T) {
	s := newToys(t, asItIs)
	const internal = "An internal error has occurred. Its request id is in the server's log."
	for _, c := range []struct {
		body         string
		want, header string
		cause        string
	}{
		{`{"How":"odd","Message":"It's \"<odd>\"."}`, `400 {"__type":"OddException","message":"It's \"<odd>\"."}`, `It's "<odd>".`, "the cause"},
		{`{"How":"odd","Status":403}`, `403 {"__type":"OddException"}`, "", "the cause"},
		{`{"How":"in depth","Message":"m"}`, `400 {"__type":"OddException","message":"m"}`, "m", "the cause"},
		{
			`{"How":"foreseen"}`, `404 {"__type":"PetNotFoundException","message":"There is no such pet."}`,
			"There is no such pet.", "a floor above: no such pet in the database",
		},
		{`{"How":"unforeseen"}`, `500 {"__type":"InternalErrorException","message":"` + internal + `"}`, internal, "a secret"},
		{`{"How":"panic"}`, `500 {"__type":"InternalErrorException","message":"` + internal + `"}`, internal, "panic: a secret"},

		// The message in a header: printable ASCII, at most 1,024 bytes.
		{
			`{"How":"odd","Message":"a\nb\r\nX-Injected: c\u0000\u007fä😀"}`,
			`400 {"__type":"OddException","message":"a\nb\r\nX-Injected: c\u0000` + "\x7f" + `ä😀"}`, "a?b??X-Injected: c????", "the cause",
		},
		{
			`{"How":"odd","Message":"` + strings.Repeat("ä", 1025) + `"}`,
			`400 {"__type":"OddException","message":"` + strings.Repeat("ä", 1025) + `"}`, strings.Repeat("?", 1024), "the cause",
		},
	} {
		t.Run(c.body[:min(len(c.body), 40)], func(t *testing.T) {
			reply := s.do(t, petCall("Fail", c.body))
			if diff := cmp.Diff(c.want, reply.String()); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if got := reply.Header["X-Amzn-Errortype"]; len(got) != 1 || got[0] != reply.call.Code+":" {
				t.Errorf("x-amzn-ErrorType is %q, the code %q", got, reply.call.Code)
			}
			if got := reply.Header.Get("X-Amzn-Errormessage"); got != c.header {
				t.Errorf("x-amzn-ErrorMessage is %q, want %q", got, c.header)
			}
			if reply.Header["X-Injected"] != nil {
				t.Errorf("a message wrote a header: %v", reply.Header)
			}
			if got := fmt.Sprint(reply.call.Cause); got != c.cause {
				t.Errorf("the cause is %q, want %q", got, c.cause)
			}
		})
	}
}

// A panic ends its own call only, and tells the log where it was. A reply that cannot be written is refused as a whole.
func TestMuxOutlivesOperations(t *testing.T) {
	s := newToys(t, asItIs)
	if reply := s.do(t, petCall("Fail", `{"How":"panic"}`)); !strings.Contains(reply.call.Panic, "wire.fail(") {
		t.Errorf("no stack with the operation: %s", reply.call.Panic)
	}
	if reply := s.do(t, petCall("Garble", `{}`)); reply.StatusCode != 500 || reply.call.Panic != "" {
		t.Errorf("%v, %+v", reply, reply.call)
	}
	if got := s.do(t, petCall("Meet", rex)).String(); got != hello {
		t.Error(got)
	}
}

func TestMuxBodySize(t *testing.T) {
	s := newToys(t, asItIs)
	body := func(size int) string { return `{"Name":"rex","Pad":"` + strings.Repeat("x", size-23) + `"}` }
	if got := s.do(t, petCall("Meet", body(1<<20))).String(); got != hello {
		t.Errorf("1 MiB: %s", got)
	}
	const tooLarge = `413 {"__type":"RequestEntityTooLargeException","message":"Request body is larger than 1 MiB."}`
	if got := s.do(t, petCall("Meet", body(1<<20+1))).String(); got != tooLarge {
		t.Errorf("a byte more: %s", got)
	}
	chunked := petCall("Meet", body(1<<20+1))
	chunked.ContentLength = -1
	if got := s.do(t, chunked).String(); got != tooLarge {
		t.Errorf("a byte more, of unknown length: %s", got)
	}
}

// A client that breaks off has sent no body, not a short one.
func TestMuxBodyCutOff(t *testing.T) {
	s := newToys(t, asItIs)
	conn, err := net.Dial("tcp", s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_, err = io.WriteString(conn, "POST / HTTP/1.1\r\nHost: toys.example.com\r\nX-Amz-Target: PetService.Meet\r\n"+
		"Content-Type: "+jsonType+"\r\nContent-Length: 100\r\n\r\n"+rex)
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	reply := s.told(t, response)
	const want = `400 {"__type":"RequestAbortedException","message":"The request body could not be read to its end."}`
	if reply.String() != want || !errors.Is(reply.call.Cause, io.ErrUnexpectedEOF) {
		t.Errorf("%v, %v", reply, reply.call.Cause)
	}
}

// The cause of a refusal goes to the log, and a stranger doesn't choose how long it is.
func TestMuxCausesAreShort(t *testing.T) {
	s := newToys(t, asItIs)
	name := strings.Repeat("x", 100_000)
	for _, r := range []*http.Request{petCall("Meet", `{"`+name+`":1,"`+name+`":2}`), garageCall("Wash&%zz" + name)} {
		if reply := s.do(t, r); reply.call.Cause == nil || len(reply.call.Cause.Error()) > maxEcho {
			t.Errorf("%v: %.200v", reply, reply.call.Cause)
		}
	}
}

func TestMuxObserves(t *testing.T) {
	s := newToys(t, asItIs)
	noDatabase := signed(petCall("Whoami", `{}`), "pets")
	noDatabase.Header.Set("Authorization", strings.Replace(noDatabase.Header.Get("Authorization"), testKeyID, "ASIADOWN", 1))
	for _, c := range []struct {
		name string
		call *http.Request
		want Call
	}{
		{"a public call", petCall("Meet", rex), Call{Service: "pets", Operation: "Meet", Status: 200}},
		{
			"a signed call", signed(petCall("Whoami", `{}`), "pets"),
			Call{Service: "pets", Operation: "Whoami", Account: "000000000000", Status: 200},
		},
		{
			"a refused signature", petCall("Whoami", `{}`),
			Call{Service: "pets", Operation: "Whoami", Status: 400, Code: "MissingAuthenticationTokenException"},
		},
		{"no database for keys", noDatabase, Call{Service: "pets", Operation: "Whoami", Status: 500, Code: codeInternal}},
		{"no JSON", petCall("Meet", ``), Call{Service: "pets", Operation: "Meet", Status: 400, Code: codeSerialization}},
		{"a refused input", petCall("Meet", `{}`), Call{Service: "pets", Operation: "Meet", Status: 400, Code: "ValidationException"}},
		{"no operation", petCall("Eat", `{}`), Call{Status: 400, Code: "UnknownOperationException"}},
		{"a Query call", garageCall("Wash"), Call{Service: "garage", Operation: "Wash", Status: 200}},
		{"no action", garageCall("Fly"), Call{Status: 400, Code: "InvalidAction"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := *s.do(t, c.call).call
			if host, _, err := net.SplitHostPort(got.Remote); err != nil || host != "127.0.0.1" || got.Took <= 0 {
				t.Errorf("from %s in %v", got.Remote, got.Took)
			}
			if got.Caller.Account != got.Account {
				t.Errorf("account %s, caller %+v", got.Account, got.Caller)
			}
			got.RequestID, got.Remote, got.Took, got.Message, got.Cause, got.Caller = "", "", 0, "", nil, Caller{}
			if diff := cmp.Diff(c.want, got, cmpopts.IgnoreUnexported(Call{})); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// Calls at the same time share buffers, but no byte of their bodies.
func TestMuxConcurrently(t *testing.T) {
	m := NewMux(nil, func(*Call) {}, pets())
	var wg sync.WaitGroup
	for _, kind := range []string{"cat", "dog", "cow", "pig"} {
		wg.Go(func() {
			for size := range 200 {
				kind := strings.Repeat(kind, size)
				w := httptest.NewRecorder()
				m.ServeHTTP(w, petCall("Meet", `{"Name":"rex","Kind":"`+kind+`"}`))
				if !strings.HasPrefix(w.Body.String(), `{"Name":"rex`+kind+`",`) {
					t.Errorf("%s was met as %s", kind, w.Body)
				}
			}
		})
	}
	wg.Wait()
}

// Behind a door that one caller can reach, nothing is signed, and what is signed isn't looked at.
func TestInsecureTrusting(t *testing.T) {
	s := newToys(t, func(m *Mux) *Mux {
		return m.InsecureTrusting(Caller{Account: "111111111111", AccessKeyID: "door", Region: "here"})
	})
	const want = `200 {"Account":"111111111111","AccessKeyId":"door","Region":"here"}`
	for name, r := range map[string]*http.Request{
		"not signed": petCall("Whoami", `{}`),
		"garbage":    with(petCall("Whoami", `{}`), "Authorization", "AWS4-HMAC-SHA256 garbage"),
	} {
		if got := s.do(t, r).String(); got != want {
			t.Errorf("%s: %s", name, got)
		}
	}
	// The mux it was made from still wants a signature.
	m := NewMux(verifierAt(testTime), func(*Call) {}, pets())
	m.InsecureTrusting(Caller{})
	w := httptest.NewRecorder()
	if m.ServeHTTP(w, petCall("Whoami", `{}`)); w.Code != http.StatusBadRequest {
		t.Error(w.Body)
	}
}
