package wire

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"mime"
	"net"
	"net/http"
	"net/url"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
)

// MaxBody is the largest request body, in bytes.
const MaxBody = 1 << 20

// Codes that the mux itself answers with.
const (
	codeSerialization    = "SerializationException"
	codeUnknownOperation = "UnknownOperationException"
	codeTooLarge         = "RequestEntityTooLargeException"
	codeInternal         = "InternalErrorException"
	codeMalformedQuery   = "MalformedQueryString"
)

// Mux answers every call of an AWS API on a port: POST / in JSON 1.1 (told by X-Amz-Target) and in Query (told by its
// form), GET /?Action=..., which carries its signature in the query, and the POST /?MaxResults=5&... without a body that
// botocore presigns in JSON 1.1.
type Mux struct {
	verifier *Verifier
	observe  func(*Call)
	json     []*Service
	query    []*Service
	rows     map[*Service]map[string]*row
	trusted  *Caller
}

// Call is one call as it ended, for logs, metrics and audit. Its fields hold nothing secret; Request and Reply do.
type Call struct {
	RequestID string
	Service   string // empty when no operation was found
	Operation string
	Account   string // of the caller, where the call was signed
	Caller    Caller // zero where it was not
	Remote    string // the client's address
	Status    int
	Code      string // empty for success
	Message   string // of the error
	Cause     error  // why it was refused, beyond what the client was told
	Panic     string // a stack, if the operation panicked
	Took      time.Duration
	record
}

// NewMux makes a mux for services. Observe is called at the end of every call; it must not be nil.
func NewMux(v *Verifier, observe func(*Call), services ...*Service) *Mux {
	m := &Mux{verifier: v, observe: observe, rows: make(map[*Service]map[string]*row)}
	for _, s := range services {
		m.rows[s] = s.rows()
		if s.Target != "" {
			m.json = append(m.json, s)
		} else {
			m.query = append(m.query, s)
		}
	}
	return m
}

// InsecureTrusting is the same mux for a door that only one caller can reach, such as a Unix socket of mode 0600: signed
// operations are called as that caller, and no signature is looked at.
func (m *Mux) InsecureTrusting(caller Caller) *Mux {
	trusting := *m
	trusting.trusted = &caller
	return &trusting
}

// exchange is one request on its way through the mux.
type exchange struct {
	*Call
	mux     *Mux
	w       http.ResponseWriter
	r       *http.Request
	body    []byte
	form    url.Values // Query only
	service *Service   // the service asked for, as far as it is known
	isJSON  bool
}

var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

func (m *Mux) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	start := time.Now()
	x := &exchange{mux: m, w: w, r: r, Call: &Call{RequestID: uuid.NewString(), Remote: r.RemoteAddr, Status: http.StatusOK}}
	w.Header()["X-Amzn-Requestid"] = []string{x.RequestID}
	buffer := buffers.Get().(*bytes.Buffer)
	buffer.Reset()
	defer func() {
		if buffer.Cap() <= 64<<10 {
			buffers.Put(buffer)
		}
		x.Took = time.Since(start)
		m.observe(x.Call)
	}()
	if err := x.answer(buffer); err != nil {
		x.refuse(err)
	}
}

// answer is the whole way of a call. A panic in an operation becomes an error like any other.
func (x *exchange) answer(buffer *bytes.Buffer) (err error) {
	defer func() {
		if p := recover(); p != nil {
			x.Panic = string(debug.Stack())
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	x.isJSON = x.r.Header.Get("X-Amz-Target") != "" || isJSON(x.r.Header.Get("Content-Type"))
	if err := x.read(buffer); err != nil {
		return err
	}
	row, err := x.find()
	if err != nil {
		return err
	}
	x.service, x.Service, x.Operation = row.Service, row.Service.Name, row.Operation.Name
	var caller Caller
	if row.Signed {
		if caller, err = x.caller(row); err != nil {
			return err
		}
		x.Account, x.Caller = caller.Account, caller
	}
	x.row, x.userAgent = row, x.r.Header["User-Agent"]
	tree, err := x.decode(row)
	if err != nil {
		return err
	}
	in, err := row.input(tree)
	if err != nil {
		return err
	}
	x.tree = tree
	out, err := row.call(context.WithValue(x.r.Context(), callKey{}, x.Call), caller, in)
	if err != nil {
		return err
	}
	x.out = out
	if x.isJSON {
		return jsonReply(x.w, x.contentType(), out)
	}
	return xmlReply(x.w, row, x.RequestID, out)
}

func (x *exchange) read(buffer *bytes.Buffer) error {
	if _, err := buffer.ReadFrom(http.MaxBytesReader(x.w, x.r.Body, MaxBody)); err != nil {
		var tooLarge *http.MaxBytesError
		if errors.As(err, &tooLarge) {
			return &Error{Code: codeTooLarge, Status: http.StatusRequestEntityTooLarge, Message: "Request body is larger than 1 MiB."}
		}
		return &Error{Code: "RequestAbortedException", Message: "The request body could not be read to its end.", Cause: err}
	}
	x.body = buffer.Bytes()
	return nil
}

// find finds the operation that a request asks for.
func (x *exchange) find() (*row, error) {
	if x.isJSON {
		return x.findJSON()
	}
	form, err := x.parameters()
	if err != nil {
		return nil, err
	}
	x.form = form
	return x.findQuery(form.Get("Action"), form.Get("Version"))
}

// parameters are those of the URL and of the form, each of which stands once: a signature does not say which of two comes
// first.
func (x *exchange) parameters() (url.Values, error) {
	text := x.r.URL.RawQuery
	if x.r.Method == http.MethodPost && len(x.body) > 0 {
		mediaType, _, _ := mime.ParseMediaType(x.r.Header.Get("Content-Type"))
		if mediaType != "application/x-www-form-urlencoded" {
			x.isJSON = true // the protocol of most of the operations here words this error
			return nil, &Error{Code: codeUnknownOperation}
		}
		text += "&" + string(x.body)
	}
	return parseParameters(text, codeMalformedQuery)
}

// parseParameters refuses what could be read in more than one way, with the code of the protocol.
func parseParameters(text, code string) (url.Values, error) {
	values, err := url.ParseQuery(text)
	if err != nil {
		return nil, &Error{Code: code, Message: "The request is not a well-formed query string.", Cause: err}
	}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if strings.Count(name, ".") > maxSteps {
			return nil, &Error{Code: code, Message: fmt.Sprintf("The name of a parameter has more than %d steps.", maxSteps)}
		}
		if len(values[name]) > 1 {
			return nil, &Error{Code: code, Message: "The parameter " + headerText(name) + " stands more than once."}
		}
		if !utf8.ValidString(name) || !utf8.ValidString(values[name][0]) {
			return nil, &Error{Code: code, Message: "The parameters are not UTF-8."}
		}
	}
	return values, nil
}

// findJSON goes by X-Amz-Target. The short form "AWSCognitoIdentityService.GetId" is what SDKs send; the reference's samples
// put a namespace before it.
func (x *exchange) findJSON() (*row, error) {
	target := x.r.Header.Get("X-Amz-Target")
	dot := strings.LastIndexByte(target, '.')
	if dot < 0 || x.r.Method != http.MethodPost || !isJSON(x.r.Header.Get("Content-Type")) {
		return nil, &Error{Code: codeUnknownOperation}
	}
	for _, s := range x.mux.json {
		if !strings.HasSuffix(target[:dot], s.Target) {
			continue
		}
		if row := x.mux.rows[s][target[dot+1:]]; row != nil {
			return row, nil
		}
	}
	return nil, &Error{Code: codeUnknownOperation}
}

func (x *exchange) findQuery(action, version string) (*row, error) {
	if action == "" {
		return nil, &Error{Code: "MissingAction", Message: "The request must have an Action parameter, or an X-Amz-Target header."}
	}
	for _, s := range x.mux.query {
		if version == s.Version {
			x.service = s // whose namespace the error has, if there is no such action
		}
		if version == "" || version == s.Version {
			if row := x.mux.rows[s][action]; row != nil {
				return row, nil
			}
		}
	}
	return nil, &Error{Code: "InvalidAction", Message: fmt.Sprintf("Could not find operation %s for version %s",
		headerText(action), headerText(cmp.Or(version, "NO_VERSION_SPECIFIED")))}
}

var errNotAdmitted = errors.New("credentials of this kind are not taken by this service")

func (x *exchange) caller(row *row) (Caller, error) {
	if x.mux.trusted != nil {
		return *x.mux.trusted, nil
	}
	caller, err := x.mux.verifier.Verify(x.r, x.body, row.Service.Name)
	if err != nil {
		return caller, err
	}
	caller.From, _, err = net.SplitHostPort(x.r.RemoteAddr)
	if err != nil {
		caller.From = x.r.RemoteAddr
	}
	caller.UserAgent, caller.Secure = x.r.UserAgent(), x.r.TLS != nil
	if row.Admit != nil && !row.Admit(caller) {
		return caller, refuse(UnknownKey, errNotAdmitted, unknownKeyText)
	}
	return caller, nil
}

func (x *exchange) decode(row *row) (any, error) {
	switch {
	case !x.isJSON:
		return parameters(x.form).tree(row.kind), nil
	case len(x.body) == 0 && x.r.URL.RawQuery != "":
		values, err := parseParameters(x.r.URL.RawQuery, codeSerialization)
		if err != nil {
			return nil, err
		}
		return urlTree(values, row.kind), nil
	}
	return jsonTree(x.body)
}

// contentType is that of the reply: the request's own, as the reference's samples show.
func (x *exchange) contentType() string {
	if strings.HasPrefix(strings.ToLower(x.r.Header.Get("Content-Type")), "application/json") {
		return "application/json"
	}
	return jsonType
}

// refuse turns any error into the protocol's envelope. What nobody foresaw becomes an internal error with a fixed text.
func (x *exchange) refuse(err error) {
	e := x.wireError(err)
	x.Status, x.Code, x.Message = e.status(), e.Code, e.Message
	if x.isJSON {
		jsonError(x.w, x.contentType(), e)
		return
	}
	var namespace string
	if x.service != nil {
		namespace = x.service.Namespace
	}
	xmlError(x.w, namespace, x.RequestID, e)
}

func (x *exchange) wireError(err error) *Error {
	var e *Error
	var m mismatch
	var s *SignatureError
	switch {
	case errors.As(err, &e):
		x.Cause = e.Cause
		return e
	case errors.As(err, &m):
		if !x.isJSON {
			return &Error{Code: "MalformedInput", Message: m.Error()}
		}
		return &Error{Code: codeSerialization, Message: m.Error()}
	case errors.As(err, &s):
		x.Cause = s
		return s.wire(x.isJSON)
	case x.r.Context().Err() != nil: // the client is gone, and nobody reads this
		return &Error{Code: "RequestAbortedException", Message: "The request was aborted."}
	}
	x.Cause = err
	if x.service != nil && x.service.MapError != nil {
		if e := x.service.MapError(err); e != nil {
			if e.Cause != nil {
				x.Cause = e.Cause
			}
			return e
		}
	}
	code := codeInternal
	if !x.isJSON {
		code = "InternalFailure"
	}
	if x.service != nil && x.service.Unforeseen != "" {
		code = x.service.Unforeseen
	}
	return &Error{Code: code, Status: http.StatusInternalServerError, Message: "An internal error has occurred. Its request id is in the server's log."}
}
