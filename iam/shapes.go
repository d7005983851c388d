package iam

import "idpool/wire"

// shapes are the constraints of the IAM API, version 2010-05-08.
func shapes() wire.Shapes {
	return wire.Shapes{
		"arnType":                      {Min: 20, Max: 2048, Pattern: `[\x09\x0A\x0D\x20-\x7E\x{85}\x{A0}-\x{D7FF}\x{E000}-\x{FFFD}\x{10000}-\x{10FFFF}]+`},
		"roleNameType":                 {Min: 1, Max: 64, Pattern: `[\w+=,.@-]+`},
		"policyNameType":               {Min: 1, Max: 128, Pattern: `[\w+=,.@-]+`},
		"policyDocumentType":           {Min: 1, Max: 131072, Pattern: `[\x09\x0A\x0D\x20-\x{FF}]+`},
		"policyPathType":               {Min: 1, Max: 512, Pattern: `((/[A-Za-z0-9\.,\+@=_-]+)*)/`},
		"policyDescriptionType":        {Max: 1000, Pattern: `[\x09\x0A\x0D\x20-\x7E\x{85}\x{A0}-\x{D7FF}\x{E000}-\x{FFFD}\x{10000}-\x{10FFFF}]*`}, // what XML can hold
		"policyVersionIdType":          {Pattern: `v[1-9][0-9]*(\.[A-Za-z0-9-]*)?`},
		"policyScopeType":              {Enum: []string{"All", "AWS", "Local"}},
		"PolicyUsageType":              {Enum: []string{"PermissionsPolicy", "PermissionsBoundary"}},
		"EntityType":                   {Enum: []string{"User", "Role", "Group", "LocalManagedPolicy", "AWSManagedPolicy"}},
		"pathType":                     {Min: 1, Max: 512, Pattern: `(/)|(/[\x21-\x7F]+/)`},
		"roleDescriptionType":          {Max: 1000, Pattern: `[\x09\x0A\x0D\x20-\x7E\x{A1}-\x{FF}]*`},
		"roleMaxSessionDurationType":   {Min: 3600, Max: 43200},
		"OpenIDConnectProviderUrlType": {Min: 1, Max: 255},
		"clientIDListType":             {Member: "clientIDType"},
		"clientIDType":                 {Min: 1, Max: 255},
		"thumbprintListType":           {Member: "thumbprintType"},
		"thumbprintType":               {Min: 40, Max: 40},
		"SAMLMetadataDocumentType":     {Min: 1000, Max: 10000000},
		"SAMLProviderNameType":         {Min: 1, Max: 128, Pattern: `[\w._-]+`},
		"assertionEncryptionModeType":  {Enum: []string{"Required", "Allowed"}},
		"privateKeyType":               {Min: 1, Max: 16384, Pattern: `[\u0009\u000A\u000D\u0020-\u00FF]+`, Sensitive: true},
		"privateKeyIdType":             {Min: 22, Max: 64, Pattern: `[A-Z0-9]+`},
		"markerType":                   {Min: 1, Max: 320, Pattern: `[\u0020-\u00FF]+`},
		"maxItemsType":                 {Min: 1, Max: 1000},
		"accessKeyIdType":              {Min: 16, Max: 128, Pattern: `[\w]+`},
		"existingUserNameType":         {Min: 1, Max: 128, Pattern: `[\w+=,.@-]+`},
		"pathPrefixType":               {Min: 1, Max: 512, Pattern: `\u002F[\u0021-\u007F]*`},
		"statusType":                   {Enum: []string{"Active", "Inactive", "Expired"}},
		"userNameType":                 {Min: 1, Max: 64, Pattern: `[\w+=,.@-]+`},
		"tagListType":                  {Max: 50},
		"tagKeyListType":               {Max: 50, Member: "tagKeyType"},
		"tagKeyType":                   {Min: 1, Max: 128, Pattern: `[\p{L}\p{Z}\p{N}_.:/=+\-@]+`},
		"tagValueType":                 {Max: 256, Pattern: `[\p{L}\p{Z}\p{N}_.:/=+\-@]*`},
	}
}
