package cognito_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"idpool/pooltest"
)

// However many of a person's devices come at once for the first time, they get one identity.
func TestFirstSignInsAtOnce(t *testing.T) {
	f := start(t)
	const devices = 64
	ids := make([]string, devices)
	var all sync.WaitGroup
	for i := range devices {
		c := f.idp.Claims("app", "alice")
		c["jti"] = i // each has a token of its own
		r, _ := f.JSON(t, "AWSCognitoIdentityService.GetId", pooltest.Object{"IdentityPoolId": f.pool, "Logins": pooltest.Object{f.idp.Name(): f.idp.Sign(c)}})
		all.Go(func() {
			reply := f.Do(t, r.WithContext(context.Background()))
			ids[i] = string(reply.Body)
		})
	}
	all.Wait()
	slices.Sort(ids)
	if different := slices.Compact(ids); len(different) != 1 || !strings.HasPrefix(different[0], `{"IdentityId":"us-east-1:`) {
		t.Errorf("%d answers: %s", len(different), different)
	}
	if n := strings.Count(f.list(t), "IdentityId"); n != 1 {
		t.Errorf("the pool has %d identities", n)
	}
}

// Signed in at once with logins that belong together, a person ends with one identity that has them all.
func TestMergesAtOnce(t *testing.T) {
	f := start(t)
	second := pooltest.NewProvider(t)
	f.register(t, second)
	f.getID(t, f.logins("alice"))
	f.getID(t, f.logins("alice", second))
	both := f.logins("alice", f.idp, second)
	var all sync.WaitGroup
	ids := make([]string, 16)
	for i := range ids {
		r, _ := f.JSON(t, "AWSCognitoIdentityService.GetId", pooltest.Object{"IdentityPoolId": f.pool, "Logins": both})
		all.Go(func() { ids[i] = string(f.Do(t, r.WithContext(context.Background())).Body) })
	}
	all.Wait()
	slices.Sort(ids)
	if different := slices.Compact(ids); len(different) != 1 || !strings.HasPrefix(different[0], `{"IdentityId":`) {
		t.Errorf("%d answers: %s", len(different), different)
	}
}

// Two guests are two people, as far as anybody knows.
func TestGuestsDiffer(t *testing.T) {
	f := start(t)
	if f.getID(t, nil) == f.getID(t, pooltest.Object{}) {
		t.Error("two guests have one identity")
	}
}

// A guest who signs in keeps the identity, which is no guest's from then on.
func TestGuestBecomesAuthenticated(t *testing.T) {
	for _, operation := range []string{"GetOpenIdToken", "GetCredentialsForIdentity"} {
		t.Run(operation, func(t *testing.T) {
			f := start(t)
			guest := f.getID(t, nil)
			f.as(t, operation, guest, nil).Must(t)
			f.Clock.Advance(time.Minute)

			if got := f.as(t, operation, guest, f.logins("alice")).Must(t).Object(t)["IdentityId"]; got != guest {
				t.Errorf("the guest became %v", got)
			}
			if got := f.getID(t, f.logins("alice")); got != guest {
				t.Errorf("the login is %s's", got)
			}
			forbidden(guest).check(t, f.as(t, operation, guest, nil))
			now := float64(f.Clock.Now().Unix())
			want := pooltest.Object{"IdentityId": guest, "Logins": []any{f.idp.Name()}, "CreationDate": now - 60, "LastModifiedDate": now}
			if diff := cmp.Diff(want, f.describe(t, guest)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// With one of its own logins an identity takes on another, which then stands for it alone.
func TestSecondProviderLinked(t *testing.T) {
	f := start(t)
	second := pooltest.NewProvider(t)
	f.register(t, second)
	id := f.getID(t, f.logins("alice"))

	dontMatch.check(t, f.as(t, "GetOpenIdToken", id, f.logins("alice@work", second)))
	both := f.logins("alice", f.idp)
	both[second.Name()] = second.Token("app", "alice@work")
	if got := f.as(t, "GetOpenIdToken", id, both).Must(t).Object(t)["IdentityId"]; got != id {
		t.Errorf("the identity became %v", got)
	}
	if got := f.getID(t, f.logins("alice@work", second)); got != id {
		t.Errorf("the second login is %s's", got)
	}
	names := []any{f.idp.Name(), second.Name()}
	slices.SortFunc(names, func(a, b any) int { return strings.Compare(a.(string), b.(string)) })
	if diff := cmp.Diff(names, f.describe(t, id)["Logins"]); diff != "" {
		t.Errorf("Logins (-want +got):\n%s", diff)
	}

	// One login of a provider is all that an identity can have.
	refusal{"ResourceConflictException", "Another login of this provider is already linked to the identity."}.
		check(t, f.as(t, "GetOpenIdToken", id, pooltest.Object{f.idp.Name(): f.idp.Token("app", "alice"), second.Name(): second.Token("app", "alice@home")}))
}

// A guest who turns out to be somebody: whoever owns the login is answered, and the guest is no more.
func TestGuestMerged(t *testing.T) {
	f := start(t)
	alice := f.getID(t, f.logins("alice"))
	f.Clock.Advance(time.Minute)
	guest := f.getID(t, nil)
	reply := f.as(t, "GetCredentialsForIdentity", guest, f.logins("alice")).Must(t)
	if got := reply.Object(t)["IdentityId"]; got != alice {
		t.Errorf("%v was answered, want the login's owner %s", got, alice)
	}
	if role := f.role(t, reply); role != "Auth" {
		t.Errorf("the credentials are for %s", role)
	}
	for _, operation := range []string{"GetOpenIdToken", "GetCredentialsForIdentity"} {
		forbidden(guest).check(t, f.as(t, operation, guest, nil))
		forbidden(guest).check(t, f.as(t, operation, guest, f.logins("alice")))
		f.as(t, operation, alice, f.logins("alice")).Must(t)
	}
	// It is still listed, unless that is not wanted.
	if _, ok := f.describe(t, guest)["Logins"]; ok || !strings.Contains(f.list(t), guest) {
		t.Errorf("the guest is listed: %s", f.list(t))
	}
	hidden := f.Signed(t, "ListIdentities", pooltest.Object{"IdentityPoolId": f.pool, "MaxResults": 60, "HideDisabled": true}).Must(t)
	if strings.Contains(string(hidden.Body), guest) || !strings.Contains(string(hidden.Body), alice) {
		t.Errorf("without disabled ones: %s", hidden.Body)
	}
}

// Two identities that turn out to be one person's: GetId gives the older, a call that names one gives that.
func TestIdentitiesMerged(t *testing.T) {
	f := start(t)
	second := pooltest.NewProvider(t)
	f.register(t, second)
	for name, row := range map[string]struct {
		merge func(t *testing.T, older, younger string, both pooltest.Object) string
		want  string
	}{
		"GetId": {func(t *testing.T, _, _ string, both pooltest.Object) string { return f.getID(t, both) }, "older"},
		"naming the older": {func(t *testing.T, older, _ string, both pooltest.Object) string {
			return f.as(t, "GetOpenIdToken", older, both).Must(t).Object(t)["IdentityId"].(string)
		}, "older"},
		"naming the younger": {func(t *testing.T, _, younger string, both pooltest.Object) string {
			return f.as(t, "GetOpenIdToken", younger, both).Must(t).Object(t)["IdentityId"].(string)
		}, "younger"},
	} {
		t.Run(name, func(t *testing.T) {
			f.pool = f.create(t, pooltest.Object{"OpenIdConnectProviderARNs": []string{f.idp.ARN(pooltest.Account), second.ARN(pooltest.Account)}})
			older := f.getID(t, f.logins("alice"))
			f.Clock.Advance(time.Second)
			younger := f.getID(t, f.logins("alice", second))
			winner, loser := older, younger
			if row.want == "younger" {
				winner, loser = younger, older
			}
			if got := row.merge(t, older, younger, f.logins("alice", f.idp, second)); got != winner {
				t.Errorf("%s, want the %s", got, row.want)
			}
			for _, p := range []*pooltest.Provider{f.idp, second} {
				if got := f.getID(t, f.logins("alice", p)); got != winner {
					t.Errorf("the login of %s is %s's", p.Name(), got)
				}
				forbidden(loser).check(t, f.as(t, "GetOpenIdToken", loser, f.logins("alice", p)))
			}
		})
	}
}

// What a token says, for a guest, one login, and two.
func TestOpenIDTokenClaims(t *testing.T) {
	f := start(t)
	second := pooltest.NewProvider(t)
	f.register(t, second)
	guest, alice := f.getID(t, nil), f.getID(t, f.logins("alice", f.idp, second))
	pair := func(p *pooltest.Provider) []any { return []any{p.Name(), p.ARN(pooltest.Account) + ":OIDC:alice"} }
	first, last := pair(f.idp), pair(second)
	if f.idp.Name() > second.Name() {
		first, last = last, first
	}
	for _, row := range []struct {
		name, id string
		logins   pooltest.Object
		amr      []any
	}{
		{"guest", guest, nil, []any{"unauthenticated"}},
		{"one login", alice, f.logins("alice"), append([]any{"authenticated"}, pair(f.idp)...)},
		{"the other login", alice, f.logins("alice", second), append([]any{"authenticated"}, pair(second)...)},
		{"both", alice, f.logins("alice", f.idp, second), append(append([]any{"authenticated"}, first...), last...)},
	} {
		t.Run(row.name, func(t *testing.T) {
			token := f.as(t, "GetOpenIdToken", row.id, row.logins).Must(t).Object(t)["Token"].(string)
			now := float64(f.Clock.Now().Unix())
			want := pooltest.Object{
				"sub": row.id, "aud": f.pool, "amr": row.amr, "iss": f.URL, "exp": now + 600, "iat": now,
				"https://cognito-identity.amazonaws.com/identity-pool-arn": "arn:aws:cognito-identity:us-east-1:123456789012:identitypool/" + f.pool,
			}
			if diff := cmp.Diff(want, claims(t, token)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// The classic flow goes by what was said of it, and by what was not.
func TestClassicFlow(t *testing.T) {
	f := start(t)
	oidc := []string{f.idp.ARN(pooltest.Account)}
	disabled := invalidParameter("Basic (classic) flow is not enabled, please use enhanced flow.")
	mapped := invalidParameter("Basic (classic) flow is not supported with RoleMappings, please use enhanced flow.")
	for _, row := range []struct {
		name     string
		classic  any
		mappings pooltest.Object
		want     *refusal
	}{
		{"nothing said", nil, nil, nil},
		{"allowed", true, nil, nil},
		{"not allowed", false, nil, &disabled},
		{"role mappings", nil, pooltest.Object{oidc[0]: pooltest.Object{"Type": "Token", "AmbiguousRoleResolution": "AuthenticatedRole"}}, &mapped},
		{"allowed, role mappings", true, pooltest.Object{oidc[0]: pooltest.Object{"Type": "Token", "AmbiguousRoleResolution": "AuthenticatedRole"}}, &mapped},
	} {
		t.Run(row.name, func(t *testing.T) {
			settings := pooltest.Object{"OpenIdConnectProviderARNs": oidc, "AllowUnauthenticatedIdentities": true, "AllowClassicFlow": row.classic}
			f.pool = f.create(t, settings)
			if row.mappings != nil {
				f.Signed(t, "SetIdentityPoolRoles", pooltest.Object{"IdentityPoolId": f.pool, "Roles": pooltest.Object{}, "RoleMappings": row.mappings}).Must(t)
			}
			for _, logins := range []pooltest.Object{nil, f.logins("alice")} {
				r := f.as(t, "GetOpenIdToken", f.getID(t, logins), logins)
				if row.want == nil {
					r.Must(t)
				} else {
					row.want.check(t, r)
				}
			}
		})
	}
}

// A provider that is gone: nobody new gets in, who came before does, and the client hears whose fault it is.
func TestProviderDown(t *testing.T) {
	f := start(t)
	unavailable := refusal{"ExternalServiceException", "The identity provider " + f.idp.URL + " could not be asked. Try again later."}
	f.idp.Down.Store(true)
	unavailable.check(t, f.Public(t, "GetId", pooltest.Object{"IdentityPoolId": f.pool, "Logins": f.logins("alice")}))
	guest := f.getID(t, nil) // who needs no provider is not concerned
	unavailable.check(t, f.as(t, "GetCredentialsForIdentity", guest, f.logins("alice")))
	if n := strings.Count(f.list(t), "IdentityId"); n != 1 {
		t.Errorf("the pool has %d identities, want the guest alone", n)
	}

	f.idp.Down.Store(false)
	f.Clock.Advance(time.Minute)
	alice := f.getID(t, f.logins("alice"))

	f.idp.Down.Store(true)
	for range 10 { // the keys at hand serve for new tokens too, when they are stale as well
		if got := f.getID(t, f.logins("alice")); got != alice {
			t.Errorf("alice became %s", got)
		}
		f.getID(t, f.logins("bob"))
		f.Clock.Advance(time.Hour)
	}
	f.Clock.Advance(24 * time.Hour) // but not for ever
	unavailable.check(t, f.Public(t, "GetId", pooltest.Object{"IdentityPoolId": f.pool, "Logins": f.logins("alice")}))
}
