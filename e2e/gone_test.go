package e2e

import (
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentity"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentity/types"
)

// answerWithin is how soon a call is answered whose provider is not.
const answerWithin = 5 * time.Second

// TestProviderGone loses a provider: its people go on signing in while its keys are known. A node that does not know them
// says so in time, and nobody who comes by another provider waits for that.
func TestProviderGone(t *testing.T) { // not beside other tests, since it has a clock
	n := startNode(t)
	gone, stays := startOIDCProvider(t), startZitadel(t)
	pool := setUp(t, n, gone, stays)
	alice, bob := gone.signIn(t, appClient, "alice"), gone.signIn(t, appClient, "bob")
	other := stays.signIn(t, appClient, stays.user)
	id := getID(t, n, pool, login(gone, alice))

	gone.kill()
	if again := getID(t, n, pool, login(gone, alice)); again != id {
		t.Errorf("alice is identity %s, and %s once her provider has gone", id, again)
	}
	if getID(t, n, pool, login(gone, bob)) == id { // a token not seen before
		t.Error("bob is alice")
	}

	n.kill() // and with it what it knew of keys
	silence := newSilence(t, gone.address)
	n.start(t)
	asked := time.Now()
	answer := make(chan error, 1)
	go func() { answer <- n.tryGetID(t, pool, login(gone, alice)) }()
	silence.await(t)
	getID(t, n, pool, login(stays, other))
	select {
	case err := <-answer:
		t.Fatalf("the provider says nothing, and yet there is an answer already: %v", err)
	default: // so the other one has not waited for it
	}
	checkUnavailable(t, <-answer, asked)

	silence.close() // from here on nobody even takes the connection
	asked = time.Now()
	checkUnavailable(t, n.tryGetID(t, pool, login(gone, bob)), asked)
}

// tryGetID calls once: the SDK would try again.
func (n *node) tryGetID(t testing.TB, pool string, logins map[string]string) error {
	once := n.identities(func(o *cognitoidentity.Options) { o.Retryer = aws.NopRetryer{} })
	_, err := once.GetId(t.Context(), &cognitoidentity.GetIdInput{IdentityPoolId: &pool, Logins: logins})
	return err
}

func checkUnavailable(t testing.TB, err error, asked time.Time) {
	t.Helper()
	if took := time.Since(asked); took > answerWithin {
		t.Errorf("the answer took %s", took)
	}
	if unavailable := new(types.ExternalServiceException); !errors.As(err, &unavailable) {
		t.Errorf("a provider that says nothing: %v", err)
	}
}

// silence takes connections where a provider was, and says nothing.
type silence struct {
	listener net.Listener
	taken    chan struct{}
}

func newSilence(t testing.TB, address string) *silence {
	t.Helper()
	listener, err := net.Listen("tcp", strings.TrimPrefix(address, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	s := &silence{listener: listener, taken: make(chan struct{}, crowd)}
	t.Cleanup(s.close)
	go s.hold()
	return s
}

// hold keeps what it takes: a connection that nobody refers to is closed.
func (s *silence) hold() {
	var held []net.Conn
	for {
		conn, err := s.listener.Accept()
		if err != nil {
			break
		}
		held = append(held, conn)
		s.taken <- struct{}{}
	}
	for _, conn := range held {
		_ = conn.Close()
	}
}

func (s *silence) await(t testing.TB) {
	t.Helper()
	select {
	case <-s.taken:
	case <-time.After(patience):
		t.Fatal("nobody asks the provider")
	}
}

func (s *silence) close() { _ = s.listener.Close() }
