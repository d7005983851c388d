package cognito_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"idpool/pooltest"
)

// page asks for a page of a list.
func (f *front) page(t *testing.T, operation, token string, size int) pooltest.Object {
	t.Helper()
	in := pooltest.Object{"MaxResults": size}
	if operation == "ListIdentities" {
		in["IdentityPoolId"] = f.pool
	}
	if token != "" {
		in["NextToken"] = token
	}
	return f.Signed(t, operation, in).Must(t).Object(t)
}

// Walking the pages sees everything once, whatever is made meanwhile, and every page is full but the last.
func TestPages(t *testing.T) {
	f := start(t)
	for _, row := range []struct {
		operation, list, id string
		make                func() string
	}{
		{"ListIdentities", "Identities", "IdentityId", func() string { return f.getID(t, nil) }},
		{"ListIdentityPools", "IdentityPools", "IdentityPoolId", func() string { return f.create(t, nil) }},
	} {
		t.Run(row.operation, func(t *testing.T) {
			var before []string
			for range 25 {
				before = append(before, row.make())
			}
			seen := make(map[string]int)
			var order []string
			for token, more := "", true; more; {
				page := f.page(t, row.operation, token, 4)
				list := page[row.list].([]any)
				for _, member := range list {
					id := member.(pooltest.Object)[row.id].(string)
					seen[id]++
					order = append(order, id)
				}
				if token, more = page["NextToken"].(string); more && len(list) != 4 {
					t.Errorf("a page of %d, and there are more", len(list))
				}
				if len(order) < 40 {
					row.make()
				}
			}
			for _, id := range before {
				if seen[id] != 1 {
					t.Errorf("%s was seen %d times", id, seen[id])
				}
			}
			for id, n := range seen {
				if n != 1 {
					t.Errorf("%s was seen %d times", id, n)
				}
			}
			if !slices.IsSorted(order) {
				t.Errorf("the order is %v", order)
			}
		})
	}
}

// A page that holds just what is left has no token.
func TestLastPage(t *testing.T) {
	f := start(t)
	for range 3 {
		f.getID(t, nil)
	}
	for size, tokens := range map[int]bool{2: true, 3: false, 60: false} {
		if _, ok := f.page(t, "ListIdentities", "", size)["NextToken"]; ok != tokens {
			t.Errorf("of 3, with %d on a page, there is a token: %v", size, ok)
		}
	}
}

// A page token is good for the list that it was given out for, and unchanged.
func TestPageTokens(t *testing.T) {
	f := start(t)
	another := session{key: f.NewAccount(t, other)}
	root := session{key: f.Root}
	in := pooltest.Object{"IdentityPoolName": "p", "AllowUnauthenticatedIdentities": true}
	elsewhere := f.signedBy(t, root, "eu-west-1", "CreateIdentityPool", in).Must(t).Object(t)["IdentityPoolId"]
	theirs := f.signedBy(t, another, "us-east-1", "CreateIdentityPool", in).Must(t).Object(t)["IdentityPoolId"]
	beside := f.create(t, pooltest.Object{"AllowUnauthenticatedIdentities": true})
	for range 2 {
		f.getID(t, nil)
	}
	identities := f.page(t, "ListIdentities", "", 1)["NextToken"].(string)
	pools := f.page(t, "ListIdentityPools", "", 1)["NextToken"].(string)

	list := func(pool any, token string) pooltest.Object {
		return pooltest.Object{"IdentityPoolId": pool, "MaxResults": 1, "NextToken": token}
	}
	all := func(token string) pooltest.Object { return pooltest.Object{"MaxResults": 1, "NextToken": token} }
	for _, row := range []struct {
		name      string
		signer    session
		region    string
		operation string
		in        pooltest.Object
	}{
		{"another operation's", root, "us-east-1", "ListIdentities", list(f.pool, pools)},
		{"another operation's, the other way round", root, "us-east-1", "ListIdentityPools", all(identities)},
		{"another pool's", root, "us-east-1", "ListIdentities", list(beside, identities)},
		{"another region's pool's", root, "eu-west-1", "ListIdentities", list(elsewhere, identities)},
		{"another region's", root, "eu-west-1", "ListIdentityPools", all(pools)},
		{"another account's", another, "us-east-1", "ListIdentityPools", all(pools)},
		{"another account's pool's", another, "us-east-1", "ListIdentities", list(theirs, identities)},
		{"the same pool's in another account", another, "us-east-1", "ListIdentities", list(f.pool, identities)},
		{"longer", root, "us-east-1", "ListIdentities", list(f.pool, identities+"A")},
		{"shorter", root, "us-east-1", "ListIdentities", list(f.pool, identities[:len(identities)-1])},
		{"the beginning", root, "us-east-1", "ListIdentities", list(f.pool, identities[:8])},
		{"an id", root, "us-east-1", "ListIdentities", list(f.pool, f.pool)},
		{"nothing of ours", root, "us-east-1", "ListIdentities", list(f.pool, strings.Repeat("A", 70))},
	} {
		t.Run(row.name, func(t *testing.T) { badPage.check(t, f.signedBy(t, row.signer, row.region, row.operation, row.in)) })
	}
	f.signedBy(t, root, "us-east-1", "ListIdentities", list(f.pool, identities)).Must(t)
	f.signedBy(t, root, "us-east-1", "ListIdentityPools", all(pools)).Must(t)

	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	for i := range identities {
		changed := alphabet[strings.IndexByte(alphabet, identities[i])^1]
		t.Run(fmt.Sprint("character ", i, " changed"), func(t *testing.T) {
			badPage.check(t, f.Signed(t, "ListIdentities", list(f.pool, identities[:i]+string(changed)+identities[i+1:])))
		})
	}
}
