package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// A checked type says what is wrong with a value that has been read, if its parts cannot say it by themselves. It may
// complete the value.
type checked interface{ check() error }

// read sets target, whose name is for messages, to what text holds as JSON. It is strict as C1 asks for. encoding/json
// is not: it matches names whatever their case, takes the last of two fields of one name, and leaves alone what is
// missing or null.
//
// The fields of a struct are those with a tag `field:"name"`. They are required, but for pointers, which stay nil when
// the field is missing or null, and for those whose tag goes on with `,defaulted`, which may be missing.
func read(text []byte, name string, target any) error {
	if err := json.Unmarshal(text, new(json.RawMessage)); err != nil {
		return fmt.Errorf("the %s is not JSON: %w", name, err)
	}
	if !utf8.Valid(text) {
		return fmt.Errorf("the %s is not UTF-8", name)
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	v, err := decode(decoder)
	if err != nil {
		return fmt.Errorf("the %s is not as it should be: %w", name, err)
	}
	return fill(reflect.ValueOf(target).Elem(), v, name)
}

// decode returns the next value: nil, a bool, string, json.Number, []any or map[string]any.
func decode(decoder *json.Decoder) (any, error) {
	token, err := decoder.Token()
	switch {
	case err == nil && token == json.Delim('['):
		return decodeArray(decoder)
	case err == nil && token == json.Delim('{'):
		return decodeObject(decoder)
	default:
		return token, err
	}
}

func decodeArray(decoder *json.Decoder) (any, error) {
	array := []any{}
	for decoder.More() {
		v, err := decode(decoder)
		if err != nil {
			return nil, err
		}
		array = append(array, v)
	}
	_, err := decoder.Token()
	return array, err
}

func decodeObject(decoder *json.Decoder) (any, error) {
	object := map[string]any{}
	for decoder.More() {
		token, err := decoder.Token()
		if err != nil {
			return nil, err
		}
		name := token.(string)
		if _, repeated := object[name]; repeated {
			return nil, fmt.Errorf("there are two fields `%s` in one object", name)
		}
		if object[name], err = decode(decoder); err != nil {
			return nil, err
		}
	}
	_, err := decoder.Token()
	return object, err
}

func fill(target reflect.Value, v any, where string) error {
	if err := fillUnchecked(target, v, where); err != nil {
		return err
	}
	if c, ok := target.Addr().Interface().(checked); ok {
		if err := c.check(); err != nil {
			return fmt.Errorf("`%s` %w", where, err)
		}
	}
	return nil
}

func fillUnchecked(target reflect.Value, v any, where string) error {
	if _, ok := target.Interface().(netip.AddrPort); ok {
		text, _ := v.(string)
		address, err := netip.ParseAddrPort(text)
		if err != nil {
			return fmt.Errorf("`%s` must be an IP address and a port: %w", where, err)
		}
		target.Set(reflect.ValueOf(address))
		return nil
	}
	ok, what := false, ""
	switch target.Kind() {
	case reflect.Pointer:
		target.Set(reflect.New(target.Type().Elem()))
		return fill(target.Elem(), v, where)
	case reflect.Struct:
		return fillStruct(target, v, where)
	case reflect.Map:
		return fillMap(target, v, where)
	case reflect.Slice:
		return fillSlice(target, v, where)
	case reflect.String:
		var text string
		text, ok = v.(string)
		what = "a string"
		target.SetString(text)
	case reflect.Bool:
		var is bool
		is, ok = v.(bool)
		what = "true or false"
		target.SetBool(is)
	case reflect.Float64:
		number, _ := v.(json.Number)
		float, err := number.Float64()
		ok, what = err == nil, "a number"
		target.SetFloat(float)
	case reflect.Uint16, reflect.Uint32, reflect.Uint64:
		number, _ := v.(json.Number)
		integer, err := strconv.ParseUint(number.String(), 10, target.Type().Bits())
		ok, what = err == nil, fmt.Sprintf("an integer from 0 to 2^%d-1", target.Type().Bits())
		target.SetUint(integer)
	}
	if !ok {
		return fmt.Errorf("`%s` must be %s", where, what)
	}
	return nil
}

func fillStruct(target reflect.Value, v any, where string) error {
	object, ok := v.(map[string]any)
	if !ok {
		return fmt.Errorf("`%s` must be an object", where)
	}
	var known []string
	for i := range target.NumField() {
		tag, isField := target.Type().Field(i).Tag.Lookup("field")
		if !isField {
			continue
		}
		name, defaulted := strings.CutSuffix(tag, ",defaulted")
		known = append(known, name)
		field, present := object[name]
		isOptional := target.Field(i).Kind() == reflect.Pointer && !defaulted
		if !present && !defaulted && !isOptional {
			return fmt.Errorf("`%s` lacks the field `%s`", where, name)
		}
		if !present || (field == nil && isOptional) {
			continue
		}
		if err := fill(target.Field(i), field, where+"."+name); err != nil {
			return err
		}
	}
	for name := range object {
		if !slices.Contains(known, name) {
			return fmt.Errorf("`%s` has an unknown field `%s`; it knows %s", where, name, strings.Join(known, ", "))
		}
	}
	return nil
}

func fillMap(target reflect.Value, v any, where string) error {
	object, ok := v.(map[string]any)
	if !ok {
		return fmt.Errorf("`%s` must be an object", where)
	}
	target.Set(reflect.MakeMap(target.Type()))
	for name, field := range object {
		element := reflect.New(target.Type().Elem()).Elem()
		if err := fill(element, field, where+"."+name); err != nil {
			return err
		}
		target.SetMapIndex(reflect.ValueOf(name), element)
	}
	return nil
}

func fillSlice(target reflect.Value, v any, where string) error {
	array, ok := v.([]any)
	if !ok {
		return fmt.Errorf("`%s` must be an array", where)
	}
	target.Set(reflect.MakeSlice(target.Type(), len(array), len(array)))
	for i, element := range array {
		if err := fill(target.Index(i), element, fmt.Sprintf("%s[%d]", where, i)); err != nil {
			return err
		}
	}
	return nil
}

// encode returns v as one line of JSON, without the newline.
func encode(v any) []byte {
	var line bytes.Buffer
	encoder := json.NewEncoder(&line)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		panic(fmt.Sprintf("what this service writes can be written as JSON: %v", err))
	}
	return bytes.TrimSuffix(line.Bytes(), []byte("\n"))
}
