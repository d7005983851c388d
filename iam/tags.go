package iam

import "maps"

// addTags adds tags to those of a resource, for operations like TagUser. One whose key differs by case alone from an older
// one's takes its place.
func addTags(tags map[string]string, added []Tag) error {
	fresh, err := tagMap(added)
	if err != nil {
		return err
	}
	for key := range fresh {
		removeTag(tags, key)
	}
	maps.Copy(tags, fresh)
	if len(tags) > MaxTags {
		return limitExceeded("The number of tags has reached the maximum limit.")
	}
	return nil
}
