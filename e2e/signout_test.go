package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// sessions stands in for an application's own endpoint, which a check of kind http asks: it keeps the access tokens that
// sign-ins gave, and asks moto each time which of them are still good.
type sessions struct {
	*httptest.Server
	users  *userPool
	secret string // that idpool shows

	mu sync.Mutex
	of map[string][]session // by subject, the oldest first
}

// session is one sign-in.
type session struct {
	access string // the token
	begun  time.Time
}

func startSessions(t testing.TB, users *userPool) *sessions {
	t.Helper()
	s := &sessions{users: users, secret: "of the application", of: make(map[string][]session)}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /"+users.id+"/{sub}", s.answer)
	s.Server = httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s
}

// answer says since when the oldest good session of a user began; a sign-out ends all that he has.
func (s *sessions) answer(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Authorization") != "Bearer "+s.secret {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	var answer struct {
		Active    bool  `json:"active"`
		NotBefore int64 `json:"not_before,omitempty"`
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, one := range s.of[r.PathValue("sub")] {
		err := s.users.call(r.Context(), aws.Credentials{}, "GetUser", input{"AccessToken": one.access}, new(any))
		if errors.Is(err, motoError("NotAuthorizedException")) {
			continue
		}
		if err != nil {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		answer.Active, answer.NotBefore = true, one.begun.Unix()
		break
	}
	_ = json.NewEncoder(w).Encode(answer)
}

// signIn signs a user in to the application, which keeps the access token.
func (s *sessions) signIn(t testing.TB, user string) (idToken string) {
	t.Helper()
	given := s.users.signIn(t, checkedApp, user)
	subject, begun := readToken(t, given.Access)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.of[subject] = append(s.of[subject], session{given.Access, begun})
	return given.ID
}

// TestUserPoolSignOut signs a user out everywhere, at a real user-pool server. A check that asks the application sees that
// at the next call, and takes the next sign-in, but no ID token from before.
func TestUserPoolSignOut(t *testing.T) {
	t.Parallel()
	m := startMoto(t)
	users := m.addUserPool(t, "people", checkedApp, uncheckedApp)
	users.add(t, "alice")
	s := startSessions(t, users)
	d := openDoor(t, startNode(t, "--providers", providersFile(t, fmt.Sprintf(
		"%s:\n  endpoint: %q\n  check: {kind: http, url: %q, authorization: %q}\n",
		users.name(), m.url, s.URL+"/{pool}/{sub}", "Bearer "+s.secret))), users)

	before := s.signIn(t, "alice")
	id := getID(t, d.node, d.id, users.login(before))
	d.passes(t, "signed in", id, before)
	users.of(t, "alice", "AdminDisableUser")
	d.refuses(t, "disabled", id, before, inactive, "the check says so")
	users.of(t, "alice", "AdminEnableUser")
	d.passes(t, "enabled again", id, before)

	users.of(t, "alice", "AdminUserGlobalSignOut")
	d.refuses(t, "signed out", id, before, inactive, "the check says so")
	_, issued := readToken(t, before)
	m.await(t, "tokens are of another second, since they tell no less", func() bool { return time.Now().Unix() > issued.Unix() })
	after := s.signIn(t, "alice")
	d.passes(t, "signed in again", id, after)
	d.refuses(t, "from before the sign-out", id, before, inactive, "the user signed out after the token was issued")

	s.Close()
	d.cannotTell(t, "gone", id, after, "connection refused")
	d.passes(t, "nobody asks", id, users.signIn(t, uncheckedApp, "alice").ID)
}
