package cognito_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"idpool/pooltest"
)

// in calls a signed operation in a region.
func (f *front) in(t *testing.T, region, operation string, in any) *pooltest.Reply {
	t.Helper()
	return f.SignedAs(t, f.Root, region, operation, in)
}

// creates makes a pool in a region.
func creates(t *testing.T, region string, more pooltest.Object) func(*front) *pooltest.Reply {
	in := pooltest.Object{"IdentityPoolName": "race", "AllowUnauthenticatedIdentities": true}
	for member, value := range more {
		in[member] = value
	}
	return func(f *front) *pooltest.Reply { return f.in(t, region, "CreateIdentityPool", in) }
}

// poolsOf lists the pools of a region.
func (f *front) poolsOf(t *testing.T, region string) (ids []string) {
	t.Helper()
	for _, p := range f.in(t, region, "ListIdentityPools", pooltest.Object{"MaxResults": 60}).Must(t).Object(t)["IdentityPools"].([]any) {
		ids = append(ids, p.(pooltest.Object)["IdentityPoolId"].(string))
	}
	return ids
}

// An account may have three pools in a region here, and has two.
func twoPoolsAtTheQuota(t *testing.T, r *ring, _ string) {
	const region = "quota-1"
	for len(r.poolsOf(t, region)) < 2 {
		creates(t, region, nil)(r.front).Must(t)
	}
	among(t, r.atOnce(creates(t, region, nil), creates(t, region, nil)), exceeded1)
	ids := r.poolsOf(t, region)
	if len(ids) != 3 {
		t.Errorf("there are %d pools", len(ids))
	}
	r.in(t, region, "DeleteIdentityPool", pooltest.Object{"IdentityPoolId": ids[0]}).Must(t)
}

func twoPoolsOfOneID(t *testing.T, r *ring, _ string) {
	const region = "twins-1"
	chosen := pooltest.Object{"IdentityPoolTags": pooltest.Object{"_custom_id_": "8942d0d9-2a33-4114-9c1c-664a7a785856"}}
	among(t, r.atOnce(creates(t, region, chosen), creates(t, region, chosen)), conflict1)
	ids := r.poolsOf(t, region)
	if len(ids) != 1 {
		t.Errorf("there are %q", ids)
	}
	r.in(t, region, "DeleteIdentityPool", pooltest.Object{"IdentityPoolId": ids[0]}).Must(t)
}

// settled is the pool that the settings' races share.
func (r *ring) settled(t *testing.T, region string) string {
	t.Helper()
	if ids := r.poolsOf(t, region); len(ids) > 0 {
		return ids[0]
	}
	return creates(t, region, nil)(r.front).Must(t).Object(t)["IdentityPoolId"].(string)
}

// Three calls change three parts of what is stored as one: none undoes another's.
func threePartsOfSettings(t *testing.T, r *ring, n string) {
	const region = "parts-1"
	pool := r.settled(t, region)
	name := strings.ReplaceAll(n, "'", "")
	arn := "arn:aws:cognito-identity:" + region + ":" + pooltest.Account + ":identitypool/" + pool
	call := func(operation string, in pooltest.Object) func(*front) *pooltest.Reply {
		return func(f *front) *pooltest.Reply { return f.in(t, region, operation, in) }
	}
	among(t, r.atOnce(
		call("UpdateIdentityPool", pooltest.Object{"IdentityPoolId": pool, "IdentityPoolName": name, "AllowUnauthenticatedIdentities": true}),
		call("SetIdentityPoolRoles", pooltest.Object{"IdentityPoolId": pool, "Roles": pooltest.Object{"authenticated": roleARN(strings.ReplaceAll(name, " ", "-"))}}),
		call("TagResource", pooltest.Object{"ResourceArn": arn, "Tags": pooltest.Object{"round": name}}),
	), `["" "" ""]`)
	for _, node := range r.nodes { // both see all of it
		described := node.in(t, region, "DescribeIdentityPool", pooltest.Object{"IdentityPoolId": pool}).Must(t).Object(t)
		roles := node.in(t, region, "GetIdentityPoolRoles", pooltest.Object{"IdentityPoolId": pool}).Must(t).Object(t)
		got := fmt.Sprint(described["IdentityPoolName"], described["IdentityPoolTags"], roles["Roles"])
		want := fmt.Sprint(name, pooltest.Object{"round": name}, pooltest.Object{"authenticated": roleARN(strings.ReplaceAll(name, " ", "-"))})
		if got != want {
			t.Errorf("the settings are %s, not %s", got, want)
		}
	}
}

// Of two updates one comes second, and all of it is there.
func twoUpdatesOfAPool(t *testing.T, r *ring, n string) {
	const region = "update-1"
	pool := r.settled(t, region)
	name := strings.ReplaceAll(n, "'", "")
	update := func(name string, guests bool) func(*front) *pooltest.Reply {
		return func(f *front) *pooltest.Reply {
			return f.in(t, region, "UpdateIdentityPool", pooltest.Object{
				"IdentityPoolId": pool, "IdentityPoolName": name, "AllowUnauthenticatedIdentities": guests,
			})
		}
	}
	among(t, r.atOnce(update(name+" x", true), update(name+" y", false)), both)
	var seen []string
	for _, node := range r.nodes {
		p := node.in(t, region, "DescribeIdentityPool", pooltest.Object{"IdentityPoolId": pool}).Must(t).Object(t)
		guest := node.Public(t, "GetId", pooltest.Object{"IdentityPoolId": pool})
		seen = append(seen, fmt.Sprint(p["IdentityPoolName"], p["AllowUnauthenticatedIdentities"], guest.Status == 200))
	}
	if seen[0] != seen[1] || seen[0] != name+" x"+"true true" && seen[0] != name+" y"+"false false" {
		t.Errorf("the nodes see %q", seen)
	}
}

// Nothing is left in a pool that is gone.
func signInAndPoolDeletion(t *testing.T, r *ring, _ string) {
	const region = "gone-1"
	pool := creates(t, region, nil)(r.front).Must(t).Object(t)["IdentityPoolId"].(string)
	guest := func(f *front) *pooltest.Reply { return f.Public(t, "GetId", pooltest.Object{"IdentityPoolId": pool}) }
	replies := r.atOnce(guest, func(f *front) *pooltest.Reply {
		return f.in(t, region, "DeleteIdentityPool", pooltest.Object{"IdentityPoolId": pool})
	})
	among(t, replies, both, notFound1)
	replies[1].Must(t)
	if replies[0].Code() != "" {
		return
	}
	id := replies[0].Object(t)["IdentityId"].(string)
	for _, node := range r.nodes {
		unknownIdentity(id).check(t, node.as(t, "GetOpenIdToken", id, nil))
	}
}

// Both are on the list: neither wrote the list that it had read before the other.
func twoClients(t *testing.T, r *ring, n string) {
	arn := r.second.ARN(pooltest.Account)
	clients := []string{strings.ReplaceAll(n, " ", "-") + "-x", strings.ReplaceAll(n, " ", "-") + "-y"}
	calls := func(action string) (all []func(*front) *pooltest.Reply) {
		for _, client := range clients {
			all = append(all, func(f *front) *pooltest.Reply {
				return f.IAM(t, action, "OpenIDConnectProviderArn", arn, "ClientID", client)
			})
		}
		return all
	}
	among(t, r.atOnce(calls("AddClientIDToOpenIDConnectProvider")...), both)
	body := string(r.IAM(t, "GetOpenIDConnectProvider", "OpenIDConnectProviderArn", arn).Must(t).Body)
	for _, client := range clients {
		if !strings.Contains(body, "<member>"+client+"</member>") {
			t.Errorf("%s was added and is not there: %s", client, body)
		}
	}
	among(t, r.atOnce(calls("RemoveClientIDFromOpenIDConnectProvider")...), both)
	if body := string(r.IAM(t, "GetOpenIDConnectProvider", "OpenIDConnectProviderArn", arn).Must(t).Body); strings.Contains(body, clients[0]) || strings.Contains(body, clients[1]) {
		t.Errorf("both were removed: %s", body)
	}
}

// A role that has a policy is not deleted, and one that is gone gets none.
func roleDeletionAndPolicy(t *testing.T, r *ring, _ string) {
	r.IAM(t, "CreateRole", "RoleName", "Racer", "AssumeRolePolicyDocument", pooltest.TrustPolicy(r.pool, "authenticated")).Must(t)
	replies := r.atOnce(
		func(f *front) *pooltest.Reply {
			return f.IAM(t, "PutRolePolicy", "RoleName", "Racer", "PolicyName", "p", "PolicyDocument",
				`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}}`)
		},
		func(f *front) *pooltest.Reply { return f.IAM(t, "DeleteRole", "RoleName", "Racer") })
	among(t, replies, `["" "NoSuchEntity"]`, `["" "DeleteConflict"]`)
	if replies[0].Code() == "" {
		r.IAM(t, "DeleteRolePolicy", "RoleName", "Racer", "PolicyName", "p").Must(t)
		r.IAM(t, "DeleteRole", "RoleName", "Racer").Must(t)
	}
}

// A user may have two keys, and has one.
func twoKeysAtTheQuota(t *testing.T, r *ring, n string) {
	user := strings.ReplaceAll(n, " ", "-")
	r.IAM(t, "CreateUser", "UserName", user).Must(t)
	create := func(f *front) *pooltest.Reply { return f.IAM(t, "CreateAccessKey", "UserName", user) }
	create(r.front).Must(t)
	among(t, r.atOnce(create, create), `["" "LimitExceeded"]`)
	if body := string(r.IAM(t, "ListAccessKeys", "UserName", user).Must(t).Body); strings.Count(body, "<AccessKeyId>") != 2 {
		t.Errorf("the keys are %s", body)
	}
}

func twoRolesOfOneName(t *testing.T, r *ring, _ string) {
	create := func(name string) func(*front) *pooltest.Reply {
		return func(f *front) *pooltest.Reply {
			return f.IAM(t, "CreateRole", "RoleName", name, "AssumeRolePolicyDocument", pooltest.TrustPolicy(r.pool, "authenticated"))
		}
	}
	replies := r.atOnce(create("Twin"), create("TWIN"))
	among(t, replies, `["" "EntityAlreadyExists"]`)
	won := slices.IndexFunc(replies, func(reply *pooltest.Reply) bool { return reply.Code() == "" })
	if got := r.IAM(t, "GetRole", "RoleName", "twin").Must(t).Element("RoleName"); got != []string{"Twin", "TWIN"}[won] {
		t.Errorf("the role is %s", got)
	}
	r.IAM(t, "DeleteRole", "RoleName", "Twin").Must(t)
}
