package provider

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"
)

const (
	maxAnswer = 64 << 10 // bytes
	maxCalls  = 64       // to one provider at once: what a hanging one can hold of us

	maxFailures = 5                // in a row, then the provider is left alone
	pause       = 10 * time.Second // for so long; then one call at a time tries whether it is back
)

var (
	errResting = errors.New("not asked, since its last calls failed")
	errBusy    = errors.New("not asked, since too many calls to it are under way")
)

// call asks a provider a small question online: the one way for everything but keys. Name is the provider's, from the
// configuration and never a stranger's choice, since what is kept by name is kept for good.
//
// It answers 2xx, and 4xx where that is about the question; all else is Unavailable with name as its Issuer: other
// statuses (redirects are not followed; 408 and 429 say nothing of a token), answers over 64 KiB, no answer within Timeout.
// It goes where Network and the operator's Settings of this name allow. No error holds anything of the request but its host,
// nor of the answer but its status, since both may have tokens.
func (v *Verifier) call(ctx context.Context, name string, r *http.Request) (status int, body []byte, err error) {
	v.once.Do(v.init)
	l := v.lines.of(name)
	probe, err := l.enter(v.Now())
	if err != nil {
		return 0, nil, &Unavailable{Issuer: name, Cause: err}
	}
	status, body, verdict, err := v.exchange(ctx, l, name, r)
	if rests := l.leave(probe, verdict, v.Now()); rests {
		v.Log.Warn("a provider is left alone for a while", "provider", name, "pause", pause, "cause", err)
	}
	if err != nil {
		return 0, nil, &Unavailable{Issuer: name, Cause: err}
	}
	return status, body, nil
}

// exchange is one request and its answer, and what that means for the provider's line.
func (v *Verifier) exchange(ctx context.Context, l *line, name string, r *http.Request) (int, []byte, verdict, error) {
	transport, err := v.transportFor(l, name, r)
	if err != nil {
		return 0, nil, undecided, err
	}
	within, cancel := context.WithTimeout(ctx, v.Timeout)
	defer cancel()
	r = r.Clone(within)
	r.Header.Set("Accept", "application/json")
	r.Header.Set("User-Agent", "idpool")

	var body []byte
	response, err := transport.RoundTrip(r)
	if err == nil {
		defer response.Body.Close()
		body, err = io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	}
	switch {
	case err != nil && ctx.Err() != nil:
		return 0, nil, undecided, ctx.Err()
	case err != nil:
		transport.CloseIdleConnections() // one that is dead without saying so must not serve the next call
		if within.Err() != nil {
			return 0, nil, failed, fmt.Errorf("no answer within %s", v.Timeout)
		}
		return 0, nil, failed, withoutContent(err)
	case response.StatusCode >= 500:
		return 0, nil, failed, fmt.Errorf("status %d", response.StatusCode)
	case len(body) > maxAnswer:
		return 0, nil, answered, errors.New("its answer is longer than 64 KiB")
	}
	switch s := response.StatusCode; {
	case s < 200, s >= 300 && s < 400, s == http.StatusRequestTimeout, s == http.StatusTooManyRequests:
		return 0, nil, answered, fmt.Errorf("status %d", s)
	default:
		return s, body, answered, nil
	}
}

// transportFor returns what carries a line's calls. Where these may go is asked for every request, and by the transport for
// every connection.
func (v *Verifier) transportFor(l *line, name string, r *http.Request) (*http.Transport, error) {
	network := v.network(name)
	address := *r.URL
	address.RawQuery = "" // as long as the token in it
	if err := network.checkURL(address.String()); err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.transport == nil {
		l.transport = network.transport(nil, v.Now, v.Timeout)
		l.transport.MaxIdleConnsPerHost = l.transport.MaxIdleConns
		l.transport.IdleConnTimeout = time.Minute
	}
	return l.transport, nil
}

// withoutContent keeps of a transport's error what says why there was no connection, and drops what may repeat the answer,
// which may repeat the question.
func withoutContent(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return io.ErrUnexpectedEOF
	}
	for _, kind := range []any{
		new(*net.OpError), new(*net.DNSError), new(*tls.CertificateVerificationError),
		new(x509.UnknownAuthorityError), new(x509.HostnameError), new(x509.CertificateInvalidError),
	} {
		if errors.As(err, kind) {
			return err
		}
	}
	return errors.New("the connection broke off, or the answer is no HTTP")
}

// line leads to one provider. It bounds the calls under way and leaves a provider alone that is down, so that it costs
// nobody its timeout.
type line struct {
	mu        sync.Mutex
	transport *http.Transport // made at the first call
	running   int
	failures  int       // in a row; from maxFailures on the line rests
	until     time.Time // while it rests: when to try again
	probing   bool      // while it rests: one call tries
}

// verdict is what a call told of its provider, whatever it told of a token: strangers with bad tokens must not be able to
// take a provider from everybody.
type verdict int

const (
	undecided verdict = iota // the caller left before the answer, or the call went nowhere
	answered
	failed // no connection, no answer in time, or 5xx
)

// enter asks for leave to call. Probe is to be told to leave.
func (l *line) enter(now time.Time) (probe bool, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	resting := l.failures >= maxFailures
	switch {
	case resting && (l.probing || now.Before(l.until)):
		return false, errResting
	case l.running >= maxCalls:
		return false, errBusy
	}
	l.running++
	l.probing = l.probing || resting
	return resting, nil
}

// leave ends what enter began, and tells whether the line begins to rest by it. Failures of calls that began before it
// rested don't make the rest longer.
func (l *line) leave(probe bool, is verdict, now time.Time) (rests bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.running--
	if probe {
		l.probing = false
	}
	switch {
	case is == answered:
		l.failures = 0
	case is == failed && (probe || l.failures < maxFailures):
		if l.failures++; l.failures >= maxFailures {
			l.until = now.Add(pause)
			return true
		}
	}
	return false
}

// lines finds a provider's line. The zero value is ready.
type lines struct {
	mu    sync.Mutex
	names map[string]*line
}

func (s *lines) of(name string) *line {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.names[name]
	if l == nil {
		if s.names == nil {
			s.names = make(map[string]*line)
		}
		l = new(line)
		s.names[name] = l
	}
	return l
}
