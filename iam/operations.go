package iam

import (
	"slices"

	"idpool/wire"
)

// operations are the rows of the table, a list a noun.
func (s *Service) operations() []wire.Operation {
	return slices.Concat(s.providerOperations(), s.roleOperations(), s.userOperations(), s.policyOperations())
}

func (s *Service) providerOperations() []wire.Operation {
	return []wire.Operation{
		wire.Signed("AddClientIDToOpenIDConnectProvider", s.AddClientIDToOpenIDConnectProvider),
		wire.Signed("CreateOpenIDConnectProvider", s.CreateOpenIDConnectProvider),
		wire.Signed("DeleteOpenIDConnectProvider", s.DeleteOpenIDConnectProvider),
		wire.Signed("GetOpenIDConnectProvider", s.GetOpenIDConnectProvider),
		wire.Signed("ListOpenIDConnectProviders", s.ListOpenIDConnectProviders),
		wire.Signed("ListOpenIDConnectProviderTags", s.ListOpenIDConnectProviderTags),
		wire.Signed("RemoveClientIDFromOpenIDConnectProvider", s.RemoveClientIDFromOpenIDConnectProvider),
		wire.Signed("TagOpenIDConnectProvider", s.TagOpenIDConnectProvider),
		wire.Signed("UntagOpenIDConnectProvider", s.UntagOpenIDConnectProvider),
		wire.Signed("UpdateOpenIDConnectProviderThumbprint", s.UpdateOpenIDConnectProviderThumbprint),
		wire.Signed("CreateSAMLProvider", s.CreateSAMLProvider),
		wire.Signed("DeleteSAMLProvider", s.DeleteSAMLProvider),
		wire.Signed("GetSAMLProvider", s.GetSAMLProvider),
		wire.Signed("ListSAMLProviders", s.ListSAMLProviders),
		wire.Signed("ListSAMLProviderTags", s.ListSAMLProviderTags),
		wire.Signed("TagSAMLProvider", s.TagSAMLProvider),
		wire.Signed("UntagSAMLProvider", s.UntagSAMLProvider),
		wire.Signed("UpdateSAMLProvider", s.UpdateSAMLProvider),
	}
}

func (s *Service) roleOperations() []wire.Operation {
	return []wire.Operation{
		wire.Signed("AttachRolePolicy", s.AttachRolePolicy),
		wire.Signed("CreateRole", s.CreateRole),
		wire.Signed("DeleteRole", s.DeleteRole),
		wire.Signed("DeleteRolePermissionsBoundary", s.DeleteRolePermissionsBoundary),
		wire.Signed("DeleteRolePolicy", s.DeleteRolePolicy),
		wire.Signed("DetachRolePolicy", s.DetachRolePolicy),
		wire.Signed("GetRole", s.GetRole),
		wire.Signed("GetRolePolicy", s.GetRolePolicy),
		wire.Signed("ListAttachedRolePolicies", s.ListAttachedRolePolicies),
		wire.Signed("ListInstanceProfilesForRole", s.ListInstanceProfilesForRole),
		wire.Signed("ListRolePolicies", s.ListRolePolicies),
		wire.Signed("ListRoles", s.ListRoles),
		wire.Signed("ListRoleTags", s.ListRoleTags),
		wire.Signed("PutRolePermissionsBoundary", s.PutRolePermissionsBoundary),
		wire.Signed("PutRolePolicy", s.PutRolePolicy),
		wire.Signed("TagRole", s.TagRole),
		wire.Signed("UntagRole", s.UntagRole),
		wire.Signed("UpdateAssumeRolePolicy", s.UpdateAssumeRolePolicy),
		wire.Signed("UpdateRole", s.UpdateRole),
		wire.Signed("UpdateRoleDescription", s.UpdateRoleDescription),
	}
}

func (s *Service) userOperations() []wire.Operation {
	return []wire.Operation{
		wire.Signed("AttachUserPolicy", s.AttachUserPolicy),
		wire.Signed("CreateAccessKey", s.CreateAccessKey),
		wire.Signed("CreateUser", s.CreateUser),
		wire.Signed("DeleteAccessKey", s.DeleteAccessKey),
		wire.Signed("DeleteUser", s.DeleteUser),
		wire.Signed("DeleteUserPermissionsBoundary", s.DeleteUserPermissionsBoundary),
		wire.Signed("DeleteUserPolicy", s.DeleteUserPolicy),
		wire.Signed("DetachUserPolicy", s.DetachUserPolicy),
		wire.Signed("GetUser", s.GetUser),
		wire.Signed("GetUserPolicy", s.GetUserPolicy),
		wire.Signed("ListAccessKeys", s.ListAccessKeys),
		wire.Signed("ListAttachedUserPolicies", s.ListAttachedUserPolicies),
		wire.Signed("ListGroupsForUser", s.ListGroupsForUser),
		wire.Signed("ListUserPolicies", s.ListUserPolicies),
		wire.Signed("ListUsers", s.ListUsers),
		wire.Signed("ListUserTags", s.ListUserTags),
		wire.Signed("PutUserPermissionsBoundary", s.PutUserPermissionsBoundary),
		wire.Signed("PutUserPolicy", s.PutUserPolicy),
		wire.Signed("TagUser", s.TagUser),
		wire.Signed("UntagUser", s.UntagUser),
		wire.Signed("UpdateAccessKey", s.UpdateAccessKey),
		wire.Signed("UpdateUser", s.UpdateUser),
	}
}

func (s *Service) policyOperations() []wire.Operation {
	return []wire.Operation{
		wire.Signed("CreatePolicy", s.CreatePolicy),
		wire.Signed("CreatePolicyVersion", s.CreatePolicyVersion),
		wire.Signed("DeletePolicy", s.DeletePolicy),
		wire.Signed("DeletePolicyVersion", s.DeletePolicyVersion),
		wire.Signed("GetPolicy", s.GetPolicy),
		wire.Signed("GetPolicyVersion", s.GetPolicyVersion),
		wire.Signed("ListEntitiesForPolicy", s.ListEntitiesForPolicy),
		wire.Signed("ListPolicies", s.ListPolicies),
		wire.Signed("ListPolicyTags", s.ListPolicyTags),
		wire.Signed("ListPolicyVersions", s.ListPolicyVersions),
		wire.Signed("SetDefaultPolicyVersion", s.SetDefaultPolicyVersion),
		wire.Signed("TagPolicy", s.TagPolicy),
		wire.Signed("UntagPolicy", s.UntagPolicy),
	}
}
