package cognito

import "idpool/wire"

// shapes are the constraints of the API's model, under the model's names.
func shapes() wire.Shapes {
	id := wire.Shape{Min: 1, Max: 55, Pattern: `[\w-]+:[0-9a-f-]+`}
	return wire.Shapes{
		"ARNString":                       {Min: 20, Max: 2048},
		"AccountId":                       {Min: 1, Max: 15, Pattern: `\d+`},
		"AmbiguousRoleResolutionType":     {Enum: []string{"AuthenticatedRole", "Deny"}},
		"ClaimName":                       {Min: 1, Max: 64, Pattern: `[\p{L}\p{M}\p{S}\p{N}\p{P}]+`},
		"ClaimValue":                      {Min: 1, Max: 128},
		"CognitoIdentityProviderClientId": {Min: 1, Max: 128, Pattern: `[\w_]+`},
		"CognitoIdentityProviderName":     {Min: 1, Max: 128, Pattern: `[\w._:/-]+`},
		"DeveloperProviderName":           {Min: 1, Max: 128, Pattern: `[\w._-]+`},
		"DeveloperUserIdentifier":         {Min: 1, Max: 1024},
		"IdentityId":                      id,
		"IdentityIdList":                  {Min: 1, Max: 60, Member: "IdentityId"},
		"IdentityPoolId":                  id,
		"IdentityPoolName":                {Min: 1, Max: 128, Pattern: `[\w\s+=,.@-]+`},
		"IdentityPoolTagsListType":        {Member: "TagKeysType"},
		"IdentityPoolTagsType":            {Key: "TagKeysType", Member: "TagValueType"},
		"IdentityProviderId":              {Min: 1, Max: 128, Pattern: `[\w.;_/-]+`},
		"IdentityProviderName":            {Min: 1, Max: 128},
		"IdentityProviderToken":           {Min: 1, Max: 50000, Sensitive: true},
		"IdentityProviders":               {Max: 10, Key: "IdentityProviderName", Member: "IdentityProviderId"},
		"LoginsList":                      {Member: "IdentityProviderName"},
		"LoginsMap":                       {Max: 10, Key: "IdentityProviderName", Member: "IdentityProviderToken"},
		// The order is the original's texts', not the model's.
		"MappingRuleMatchType": {Enum: []string{"StartsWith", "Equals", "Contains", "NotEqual"}},
		"MappingRulesList":     {Min: 1, Max: 400},
		"OIDCProviderList":     {Member: "ARNString"},
		"PaginationKey":        {Min: 1, Max: 65535, Pattern: `[\S]+`},
		"PrincipalTagID":       {Min: 1, Max: 128},
		"PrincipalTagValue":    {Min: 1, Max: 256},
		"PrincipalTags":        {Max: 50, Key: "PrincipalTagID", Member: "PrincipalTagValue"},
		"QueryLimit":           {Min: 1, Max: 60},
		"RoleMappingMap":       {Max: 10, Key: "IdentityProviderName"},
		"RoleMappingType":      {Enum: []string{"Token", "Rules"}},
		"RoleType":             {Min: 1, Max: 128, Pattern: `(un)?authenticated`},
		"RolesMap":             {Max: 2, Key: "RoleType", Member: "ARNString"},
		"SAMLProviderList":     {Member: "ARNString"},
		"TagKeysType":          {Min: 1, Max: 128},
		"TagValueType":         {Max: 256},
		"TokenDuration":        {Min: 1, Max: 86400},
	}
}
