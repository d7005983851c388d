package cognito_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"idpool/pooltest"
	"idpool/wire"
)

// exchange is a token of GetOpenIdToken.
func (f *front) exchange(t *testing.T, id string, logins pooltest.Object) string {
	t.Helper()
	return f.as(t, "GetOpenIdToken", id, logins).Must(t).Object(t)["Token"].(string)
}

// unlinkUser takes an identifier of the developer's from its identity.
func (f *front) unlinkUser(t *testing.T, id, user string) {
	t.Helper()
	f.Signed(t, "UnlinkDeveloperIdentity", pooltest.Object{
		"IdentityPoolId": f.pool, "IdentityId": id, "DeveloperProviderName": "login.example", "DeveloperUserIdentifier": user,
	}).Must(t)
}

// assume is the classic flow's second call.
func (f *front) assume(t *testing.T, role, token string) *pooltest.Reply {
	t.Helper()
	return f.STS(t, wire.Key{}, "", "AssumeRoleWithWebIdentity", "RoleArn", roleARN(role), "RoleSessionName", "app", "WebIdentityToken", token)
}

// A developer's token is a login for credentials and tokens, never for GetId, and under our own name alone.
func TestDeveloperTokenAccepted(t *testing.T) {
	f := startWithDeveloper(t)
	id, token := f.vouched(t, "alice", nil)
	if role := f.role(t, f.as(t, "GetCredentialsForIdentity", id, own(token))); role != "Auth" {
		t.Errorf("the credentials are for %s", role)
	}
	exchanged := f.as(t, "GetOpenIdToken", id, own(token)).Must(t).Object(t)["Token"].(string)
	if diff := cmp.Diff(claims(t, token)["amr"], claims(t, exchanged)["amr"]); diff != "" {
		t.Errorf("amr of the exchanged token (-shown +got):\n%s", diff)
	}
	f.as(t, "GetCredentialsForIdentity", id, own(exchanged)).Must(t)

	ours := notAuthorized("Invalid login token. Can't pass in a Cognito token.")
	ours.check(t, f.Public(t, "GetId", pooltest.Object{"IdentityPoolId": f.pool, "Logins": own(token)}))
	for _, op := range []string{"GetOpenIdToken", "GetCredentialsForIdentity"} {
		ours.check(t, f.as(t, op, id, pooltest.Object{f.idp.Name(): token}))
		invalidParameter("Please provide a valid public provider.").check(t, f.as(t, op, id, pooltest.Object{"login.example": token}))
		forbidden(id).check(t, f.as(t, op, id, nil))
	}
	// A guest does not become somebody by another's token, and a public login is linked with it.
	dontMatch.check(t, f.as(t, "GetCredentialsForIdentity", f.getID(t, nil), own(token)))
	both := own(token)
	both[f.idp.Name()] = f.idp.Token("app", "alice")
	f.as(t, "GetCredentialsForIdentity", id, both).Must(t)
	if got := f.getID(t, f.logins("alice")); got != id {
		t.Errorf("her public login is %s's", got)
	}
}

// refusedToken is a token that an identity may not show under our own name; make gets it for a user who is new.
type refusedToken struct {
	name string
	make func(t *testing.T, user string) (id, token string, want refusal)
}

// refuses checks that no operation takes the tokens, and that nothing changes.
func (f *front) refuses(t *testing.T, rows []refusedToken) {
	t.Helper()
	for i, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			id, token, want := row.make(t, fmt.Sprint("user ", i))
			before := f.list(t)
			for _, op := range []string{"GetOpenIdToken", "GetCredentialsForIdentity"} {
				want.check(t, f.as(t, op, id, own(token)))
			}
			want.check(t, f.unlink(t, id, own(token), f.idp.Name()))
			if after := f.list(t); after != before {
				t.Errorf("the pool has changed:\nfrom %s\nto   %s", before, after)
			}
		})
	}
}

// Tokens of ours that are no login of the identity.
func TestDeveloperTokenRefused(t *testing.T) {
	f := startWithDeveloper(t)
	f.refuses(t, []refusedToken{
		{"another's", func(t *testing.T, user string) (string, string, refusal) {
			id, _ := f.vouched(t, user, nil)
			_, token := f.vouched(t, user+"2", nil)
			return id, token, dontMatch
		}},
		{"of the same user of another pool", func(t *testing.T, user string) (string, string, refusal) {
			id, _ := f.vouched(t, user, nil)
			pool := f.pool
			defer func() { f.pool = pool }()
			f.pool = f.create(t, pooltest.Object{"DeveloperProviderName": "login.example"})
			_, token := f.vouched(t, user, nil)
			return id, token, dontMatch
		}},
		{"of a public login", func(t *testing.T, user string) (string, string, refusal) {
			id := f.getID(t, f.logins(user))
			return id, f.exchange(t, id, f.logins(user)), dontMatch
		}},
		{"a guest's", func(t *testing.T, _ string) (string, string, refusal) {
			id := f.getID(t, nil)
			return id, f.exchange(t, id, nil), dontMatch
		}},
	})
}

// Tokens that were a login of the identity once.
func TestDeveloperTokenOutlived(t *testing.T) {
	f := startWithDeveloper(t)
	f.refuses(t, []refusedToken{
		{"of an identifier that was unlinked", func(t *testing.T, user string) (string, string, refusal) {
			id, token := f.identifiers(t, user, user+"2")
			f.unlinkUser(t, id, user)
			return id, token, dontMatch
		}},
		{"of an identifier that is another's now", func(t *testing.T, user string) (string, string, refusal) {
			id, token := f.identifiers(t, user, user+"2")
			f.unlinkUser(t, id, user)
			if now, _ := f.vouched(t, user, nil); now == id {
				t.Errorf("%s has the same identity", user)
			}
			return id, token, dontMatch
		}},
		{"of the last identifier, unlinked", func(t *testing.T, user string) (string, string, refusal) {
			id, token := f.vouched(t, user, nil)
			f.unlinkUser(t, id, user)
			return id, token, forbidden(id)
		}},
		{"of an identity that was merged", func(t *testing.T, user string) (string, string, refusal) {
			id, token := f.vouched(t, user, nil)
			f.vouched(t, user+"2", nil)
			f.mergeUsers(t, user, user+"2").Must(t)
			return id, token, forbidden(id)
		}},
		{"of an identity that was merged, for the one that took it in", func(t *testing.T, user string) (string, string, refusal) {
			_, token := f.vouched(t, user, nil)
			id, _ := f.vouched(t, user+"2", nil)
			f.mergeUsers(t, user, user+"2").Must(t)
			return id, token, dontMatch
		}},
		{"of an identity that was deleted", func(t *testing.T, user string) (string, string, refusal) {
			id, token := f.vouched(t, user, nil)
			f.Signed(t, "DeleteIdentities", pooltest.Object{"IdentityIdsToDelete": []string{id}}).Must(t)
			return id, token, unknownIdentity(id)
		}},
		{"one that the guest had, who is a user now", func(t *testing.T, user string) (string, string, refusal) {
			id := f.getID(t, nil)
			token := f.exchange(t, id, nil)
			f.vouch(t, user, pooltest.Object{"IdentityId": id}).Must(t)
			return id, token, dontMatch
		}},
		{"expired", func(t *testing.T, user string) (string, string, refusal) {
			id, token := f.vouched(t, user, pooltest.Object{"TokenDuration": 1})
			f.Clock.Advance(time.Second)
			return id, token, tokenExpired
		}},
	})
}

// Tokens that are not ours at all.
func TestDeveloperTokenForged(t *testing.T) {
	f := startWithDeveloper(t)
	f.refuses(t, []refusedToken{
		{"signed by a stranger", func(t *testing.T, user string) (string, string, refusal) {
			id, token := f.vouched(t, user, nil)
			return id, f.idp.Sign(claims(t, token)), notOurs
		}},
		{"changed after it was signed", func(t *testing.T, user string) (string, string, refusal) {
			id, token := f.vouched(t, user, nil)
			_, longer := f.vouched(t, user, pooltest.Object{"TokenDuration": 86400})
			a, b := strings.Split(token, "."), strings.Split(longer, ".")
			return id, a[0] + "." + b[1] + "." + a[2], notOurs
		}},
		{"without a signature", func(t *testing.T, user string) (string, string, refusal) {
			id, token := f.vouched(t, user, nil)
			return id, forge(pooltest.Object{"alg": "none"}, claims(t, token), func(string) []byte { return nil }), notOurs
		}},
		{"a public provider's", func(t *testing.T, user string) (string, string, refusal) {
			return f.getID(t, f.logins(user)), f.idp.Token("app", user), notOurs
		}},
		{"the user's name", func(t *testing.T, user string) (string, string, refusal) {
			id, _ := f.vouched(t, user, nil)
			return id, user, notOurs
		}},
	})
}

// In the classic flow, too, a token is good as long as the identity has a login that it names, or none if it names none.
func TestClassicFlowOfOldTokens(t *testing.T) {
	f := startWithDeveloper(t)
	refused := func(t *testing.T, r *pooltest.Reply) {
		t.Helper()
		want := refusal{"AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity"}
		if got := (refusal{r.Code(), r.Message()}); r.Status != 403 || got != want {
			t.Errorf("got  %d %+v\nwant 403 %+v", r.Status, got, want)
		}
	}
	id, first := f.identifiers(t, "alice", "alice@work")
	_, second := f.vouched(t, "alice@work", nil)
	_, both := f.vouched(t, "alice@work", pooltest.Object{"IdentityId": id, "Logins": own(first)})
	f.assume(t, "Auth", first).Must(t)
	f.unlinkUser(t, id, "alice")
	refused(t, f.assume(t, "Auth", first))
	f.assume(t, "Auth", second).Must(t)
	f.assume(t, "Auth", both).Must(t)

	bob := f.getID(t, f.logins("bob"))
	token := f.exchange(t, bob, f.logins("bob"))
	f.vouch(t, "bob", pooltest.Object{"IdentityId": bob, "Logins": f.logins("bob")}).Must(t)
	f.assume(t, "Auth", token).Must(t)
	f.unlink(t, bob, f.logins("bob"), f.idp.Name()).Must(t)
	refused(t, f.assume(t, "Auth", token))

	guest := f.getID(t, nil)
	token = f.exchange(t, guest, nil)
	f.assume(t, "Guest", token).Must(t)
	f.vouch(t, "carol", pooltest.Object{"IdentityId": guest}).Must(t)
	refused(t, f.assume(t, "Guest", token))
}

// A token that is exchanged never lives longer than the one that was shown, however often, and whatever is shown beside.
func TestExchangedTokenLifetimes(t *testing.T) {
	f := startWithDeveloper(t)
	for _, row := range []struct {
		name     string
		lifetime int
		wait     time.Duration
		want     float64 // from the exchange on
	}{
		{"longer than ours", 86400, 0, 600},
		{"longer than ours, late", 86400, 86400*time.Second - 601*time.Second, 600},
		{"shorter than ours", 100, 0, 100},
		{"shorter than ours, late", 100, 60 * time.Second, 40},
		{"its last second", 100, 99 * time.Second, 1},
	} {
		t.Run(row.name, func(t *testing.T) {
			id, token := f.vouched(t, "alice", pooltest.Object{"TokenDuration": row.lifetime, "Logins": f.logins("alice")})
			f.Clock.Advance(row.wait)
			beside := own(token)
			beside[f.idp.Name()] = f.idp.Token("app", "alice")
			for _, logins := range []pooltest.Object{own(token), beside} {
				exchanged := f.as(t, "GetOpenIdToken", id, logins).Must(t).Object(t)["Token"].(string)
				c := claims(t, exchanged)
				if got := c["exp"].(float64) - float64(f.Clock.Now().Unix()); got != row.want {
					t.Errorf("it lives for %v, want %v", got, row.want)
				}
				again := f.as(t, "GetOpenIdToken", id, own(exchanged)).Must(t).Object(t)["Token"].(string)
				if claims(t, again)["exp"] != c["exp"] {
					t.Errorf("exchanged again it lives until %v, want %v", claims(t, again)["exp"], c["exp"])
				}
			}
		})
	}
}
