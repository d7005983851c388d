package wire

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// signature is what a request says about its own signature, in either form.
type signature struct {
	presigned   bool
	accessKeyID string
	date        string // the credential scope, as sent: date, region, service, terminator
	region      string
	service     string
	terminator  string
	signed      []string // names of the signed headers, lower case, sorted
	signature   string   // hex
	time        time.Time
	expires     time.Duration // of a presigned URL
	session     string        // the session token, "" for a long-lived key
	query       []queryParam  // the whole query, sorted
}

// readSignature finds the signature of r and takes it apart. Nothing in it is true yet.
func readSignature(r *http.Request) (*signature, error) {
	s := &signature{query: parseQuery(r.URL.RawQuery)}
	params, err := amzParams(s.query)
	if err != nil {
		return nil, err
	}
	s.presigned = params["X-Amz-Algorithm"] != "" || params["X-Amz-Credential"] != "" || params["X-Amz-Signature"] != ""
	auth := r.Header["Authorization"]
	switch {
	case s.presigned && len(auth) > 0:
		return nil, refuse(Mismatch, nil,
			"Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as HTTP header.")
	case s.presigned:
		err = s.readParams(params)
	case len(auth) > 1:
		err = refuse(Incomplete, nil, "Authorization header must be sent once.")
	case len(auth) == 1 && strings.HasPrefix(auth[0], "AWS4-"):
		err = s.readHeader(auth[0], r.Header)
	default:
		err = refuse(MissingToken, nil, "Missing Authentication Token")
	}
	if err != nil {
		return nil, err
	}
	if err := s.readSession(params["X-Amz-Security-Token"], r.Header); err != nil {
		return nil, err
	}
	return s, nil
}

// amzParams are the parameters X-Amz-*, decoded. Each may stand once: of two, signer and reader might take another one.
func amzParams(query []queryParam) (map[string]string, error) {
	var params map[string]string
	for _, p := range query {
		if !strings.HasPrefix(p.name, "X-Amz-") {
			continue
		}
		if _, twice := params[p.name]; twice {
			return nil, refuse(Incomplete, nil, "AWS query-string parameter '%s' must be given once.", p.name)
		}
		if params == nil {
			params = make(map[string]string)
		}
		// The value is this package's own encoding, so that it decodes.
		params[p.name], _ = url.PathUnescape(p.value)
	}
	return params, nil
}

// readParams reads the presigned form.
func (s *signature) readParams(params map[string]string) error {
	var missing strings.Builder
	for _, name := range []string{
		"X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Signature", "X-Amz-SignedHeaders", "X-Amz-Date",
	} {
		if params[name] == "" {
			missing.WriteString("AWS query-string parameters must include '" + name + "'. ")
		}
	}
	if missing.Len() > 0 {
		return refuse(Incomplete, nil, "%sRe-examine the query-string parameters.", missing.String())
	}
	if err := s.readExpires(params); err != nil {
		return err
	}
	s.signature = params["X-Amz-Signature"]
	if err := s.readSigned(params["X-Amz-SignedHeaders"]); err != nil {
		return err
	}
	if err := s.readTime(params["X-Amz-Date"], false); err != nil {
		return err
	}
	return s.readCredential(params["X-Amz-Algorithm"], params["X-Amz-Credential"])
}

func (s *signature) readExpires(params map[string]string) error {
	text, sent := params["X-Amz-Expires"]
	if !sent {
		s.expires = sigDefaultExpires
		return nil
	}
	// ParseUint, since Atoi takes a sign.
	seconds, err := strconv.ParseUint(text, 10, 32)
	if err != nil || seconds < 1 || seconds > sigMaxExpires {
		return refuse(Incomplete, nil, "X-Amz-Expires must be a number of seconds between 1 and %d.", sigMaxExpires)
	}
	s.expires = time.Duration(seconds) * time.Second
	return nil
}

// readHeader reads the form
//
//	AWS4-HMAC-SHA256 Credential=ID/DATE/REGION/SERVICE/aws4_request, SignedHeaders=host;x-amz-date, Signature=HEX
//
// whose parts are separated by commas, spaces or both, as AWS takes them. AWS's message goes on with the header itself;
// this one doesn't, since it goes to the log too.
func (s *signature) readHeader(auth string, h http.Header) error {
	algorithm, rest, _ := strings.Cut(auth, " ")
	var credential, signed string
	for part := range strings.FieldsFuncSeq(rest, func(c rune) bool { return c == ',' || c == ' ' || c == '\t' }) {
		name, value, _ := strings.Cut(part, "=")
		var into *string
		switch name {
		case "Credential":
			into = &credential
		case "SignedHeaders":
			into = &signed
		case "Signature":
			into = &s.signature
		default:
			continue
		}
		if *into != "" {
			return refuse(Incomplete, nil, "Authorization header must hold '%s' once.", name)
		}
		*into = value
	}
	date, isHTTP, err := headerDate(h)
	if err != nil {
		return err
	}
	var missing []string
	for _, part := range []struct{ value, text string }{
		{credential, "Authorization header requires 'Credential' parameter."},
		{s.signature, "Authorization header requires 'Signature' parameter."},
		{signed, "Authorization header requires 'SignedHeaders' parameter."},
		{date, "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header."},
	} {
		if part.value == "" {
			missing = append(missing, part.text)
		}
	}
	if missing != nil {
		return refuse(Incomplete, nil, "%s", strings.Join(missing, " "))
	}
	if err := s.readSigned(signed); err != nil {
		return err
	}
	if err := s.readTime(date, isHTTP); err != nil {
		return err
	}
	return s.readCredential(algorithm, credential)
}

// headerDate is X-Amz-Date, or else Date, which may have the form of HTTP.
func headerDate(h http.Header) (date string, isHTTP bool, err error) {
	if date, err = once(h, "X-Amz-Date"); err != nil || date != "" {
		return date, false, err
	}
	date, err = once(h, "Date")
	return date, true, err
}

// once is a header that may stand once; "" when it doesn't stand at all.
func once(h http.Header, key string) (string, error) {
	switch values := h[key]; len(values) {
	case 0:
		return "", nil
	case 1:
		return values[0], nil
	default:
		return "", refuse(Incomplete, nil, "Header '%s' must be sent once.", key)
	}
}

// maxSigned bounds the names in SignedHeaders; clients sign a dozen headers.
const maxSigned = 64

// readSigned sorts, because the canonical request does, whatever order the client wrote the list in. A name stands once: each
// time it stood there its header would be written again.
func (s *signature) readSigned(list string) error {
	if strings.Count(list, ";") >= maxSigned {
		return refuse(Incomplete, nil, "SignedHeaders names more than %d headers.", maxSigned)
	}
	s.signed = strings.Split(strings.ToLower(list), ";")
	slices.Sort(s.signed)
	if s.signed[0] == "" || len(slices.Compact(slices.Clone(s.signed))) < len(s.signed) {
		return refuse(Incomplete, nil, "SignedHeaders must name every header once.")
	}
	return nil
}

func (s *signature) readTime(text string, isHTTP bool) error {
	// The length, since time.Parse takes fractions of a second that the layout doesn't have.
	if t, err := time.Parse(sigTimeFormat, text); err == nil && len(text) == len(sigTimeFormat) {
		s.time = t
		return nil
	}
	if t, err := http.ParseTime(text); err == nil && isHTTP {
		s.time = t.UTC()
		return nil
	}
	return refuse(Incomplete, nil,
		"Date must be in ISO-8601 'basic format'. Got '%s'. See http://en.wikipedia.org/wiki/ISO_8601", text)
}

// keyIDForm is the form of access key ids, as IAM documents it, but for the length: the fixed keys of tests are shorter.
var keyIDForm = regexp.MustCompile(`^\w{1,128}$`)

func (s *signature) readCredential(algorithm, credential string) error {
	if algorithm != sigAlgorithm {
		return refuse(Incomplete, nil, "Unsupported AWS 'algorithm': '%s' (only %s for now). ", algorithm, sigAlgorithm)
	}
	parts := strings.Split(credential, "/")
	if len(parts) != 5 {
		return refuse(Incomplete, nil, "Credential must have exactly 5 slash-delimited elements, "+
			"e.g. keyid/date/region/service/term, got '%s'", credential)
	}
	s.accessKeyID, s.date, s.region, s.service, s.terminator = parts[0], parts[1], parts[2], parts[3], parts[4]
	if !keyIDForm.MatchString(s.accessKeyID) {
		return refuse(UnknownKey, nil, unknownKeyText)
	}
	return nil
}

// readSession takes the token from the header, where checkCover wants it signed, or from the query, which always is.
func (s *signature) readSession(param string, h http.Header) error {
	header, err := once(h, "X-Amz-Security-Token")
	if err != nil {
		return err
	}
	if header != "" && param != "" {
		return refuse(Incomplete, nil,
			"Found 'X-Amz-Security-Token' both as a query-string param and as HTTP header.")
	}
	s.session = header + param
	return nil
}
