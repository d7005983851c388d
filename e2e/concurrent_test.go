package e2e

import (
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/cognitoidentity"
)

// crowd is how many come at once.
const crowd = 64

// atOnce calls f from many goroutines, none before all are there, and returns when all are done.
func atOnce(f func(i int)) {
	var running sync.WaitGroup
	begin := make(chan struct{})
	for i := range crowd {
		running.Go(func() {
			<-begin
			f(i)
		})
	}
	close(begin)
	running.Wait()
}

// TestFirstSignInOnce has a person come for the first time with many devices at the same moment: they are one identity.
func TestFirstSignInOnce(t *testing.T) {
	t.Parallel()
	n, p := startNode(t), startOIDCProvider(t)
	pool := setUp(t, n, p)
	var tokens [4]string // of different sessions at the provider
	for i := range tokens {
		tokens[i] = p.signIn(t, appClient, p.user)
	}
	var ids [crowd]string
	var errs [crowd]error
	atOnce(func(i int) {
		out, err := n.identities().GetId(t.Context(), &cognitoidentity.GetIdInput{
			IdentityPoolId: &pool, Logins: login(p, tokens[i%len(tokens)]),
		})
		if errs[i] = err; err == nil {
			ids[i] = *out.IdentityId
		}
	})
	for i, id := range ids {
		if errs[i] != nil || id != ids[0] {
			t.Errorf("call %d: identity %q, where another call has %q; error: %v", i, id, ids[0], errs[i])
		}
	}
	all := listIdentities(t, n, pool)
	if _, found := all[ids[0]]; len(all) != 1 || !found {
		t.Errorf("the pool has %d identities, not %s alone", len(all), ids[0])
	}
}
