package iam_test

// managedOperation is an operation that TestSessionsAreDenied and others call with what is good of it.
type managedOperation struct {
	name      string
	params    []string
	elsewhere refusal // what another account is told; none: see TestAnotherAccountSeesNothing
}

// managedOperations are those on managed policies, and on what roles and OpenID Connect providers can be changed in.
func managedOperations() []managedOperation {
	m, idp := policyARN("M"), providerARN("idp.example")
	tags := []string{"Tags.member.1.Key", "k", "Tags.member.1.Value", "v"}
	of := func(member, value string, more ...string) []string { return append([]string{member, value}, more...) }
	role := func(more ...string) []string { return of("RoleName", "R", more...) }
	user := func(more ...string) []string { return of("UserName", "U", more...) }
	policy := func(more ...string) []string { return of("PolicyArn", m, more...) }
	provider := func(more ...string) []string { return of("OpenIDConnectProviderArn", idp, more...) }
	return []managedOperation{
		{"CreatePolicy", []string{"PolicyName", "M", "PolicyDocument", allow}, refusal{}},
		{"CreatePolicyVersion", policy("PolicyDocument", allow), noManaged(m)},
		{"DeletePolicy", policy(), notAttachable(m)},
		{"DeletePolicyVersion", policy("VersionId", "v1"), noManaged(m)},
		{"GetPolicy", policy(), noManaged(m)},
		{"GetPolicyVersion", policy("VersionId", "v1"), noManaged(m)},
		{"ListEntitiesForPolicy", policy(), notAttachable(m)},
		{"ListPolicies", []string{"Scope", "All"}, refusal{}},
		{"ListPolicyTags", policy(), noManaged(m)},
		{"ListPolicyVersions", policy(), noManaged(m)},
		{"SetDefaultPolicyVersion", policy("VersionId", "v1"), noManaged(m)},
		{"TagPolicy", policy(tags...), noManaged(m)},
		{"UntagPolicy", policy("TagKeys.member.1", "k"), noManaged(m)},

		{"AttachRolePolicy", role("PolicyArn", m), noRole("R")},
		{"DeleteRolePermissionsBoundary", role(), noRole("R")},
		{"DetachRolePolicy", role("PolicyArn", m), noRole("R")},
		{"ListAttachedRolePolicies", role(), noRole("R")},
		{"ListInstanceProfilesForRole", role(), noRole("R")},
		{"ListRolePolicies", role(), noRole("R")},
		{"ListRoles", []string{"PathPrefix", "/"}, refusal{}},
		{"ListRoleTags", role(), noRole("R")},
		{"PutRolePermissionsBoundary", role("PermissionsBoundary", m), noRole("R")},
		{"TagRole", role(tags...), noRole("R")},
		{"UntagRole", role("TagKeys.member.1", "k"), noRole("R")},
		{"UpdateRole", role("Description", "d"), noRole("R")},
		{"UpdateRoleDescription", role("Description", "d"), noRole("R")},

		{"AttachUserPolicy", user("PolicyArn", m), noUser("U")},
		{"DetachUserPolicy", user("PolicyArn", m), noUser("U")},
		{"ListAttachedUserPolicies", user(), noUser("U")},

		{"AddClientIDToOpenIDConnectProvider", provider("ClientID", "c"), noProvider(idp)},
		{"ListOpenIDConnectProviderTags", provider(), noProvider(idp)},
		{"RemoveClientIDFromOpenIDConnectProvider", provider("ClientID", "c"), noProvider(idp)},
		{"TagOpenIDConnectProvider", provider(tags...), noProvider(idp)},
		{"UntagOpenIDConnectProvider", provider("TagKeys.member.1", "k"), noProvider(idp)},
		{"UpdateOpenIDConnectProviderThumbprint", provider("ThumbprintList.member.1", "0123456789012345678901234567890123456789"), noProvider(idp)},
	}
}

func managedCalls() map[string][]string {
	calls := make(map[string][]string)
	for _, op := range managedOperations() {
		calls[op.name] = op.params
	}
	return calls
}
