//! Python values as JSON and back.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyDict, PyFloat, PyFrozenSet, PyInt, PyList, PySet, PyString, PyTuple};
use serde_json::{Map, Number, Value};

/// How deep values may be nested. JSON that agents send is flat, and a list that holds itself has no end.
const DEEPEST: usize = 100;

/// A call's parameters: a mapping, or nothing.
pub(crate) fn parameters(value: &Bound<'_, PyAny>) -> PyResult<Value> {
    if value.is_none() {
        return Ok(Value::Object(Map::new()));
    }
    match json(value, 0)? {
        object @ Value::Object(_) => Ok(object),
        _ => Err(PyValueError::new_err("the parameters of a call are a mapping")),
    }
}

/// A value as JSON. What JSON does not have becomes the text that a person would see, never nothing: a text that nobody
/// looked at is no clean text.
pub(crate) fn json(value: &Bound<'_, PyAny>, depth: usize) -> PyResult<Value> {
    if depth > DEEPEST {
        return Err(PyValueError::new_err("the value is nested too deeply"));
    }
    if let Ok(text) = value.cast::<PyString>() {
        return Ok(Value::String(text.to_string_lossy().into_owned()));
    }
    if value.is_none() {
        return Ok(Value::Null);
    }
    if let Ok(truth) = value.cast::<PyBool>() {
        return Ok(Value::Bool(truth.is_true()));
    }
    if value.is_instance_of::<PyInt>() {
        if let Ok(number) = value.extract::<i64>() {
            return Ok(Value::Number(number.into()));
        }
        return match value.extract::<u64>() {
            Ok(number) => Ok(Value::Number(number.into())),
            Err(_) => shown(value),
        };
    }
    if value.is_instance_of::<PyFloat>() {
        return match Number::from_f64(value.extract()?) {
            Some(number) => Ok(Value::Number(number)),
            None => shown(value),
        };
    }
    if let Ok(members) = value.cast::<PyDict>() {
        let mut object = Map::with_capacity(members.len());
        for (name, member) in members.iter() {
            object.insert(key(&name)?, json(&member, depth + 1)?);
        }
        return Ok(Value::Object(object));
    }
    if let Ok(items) = value.cast::<PyList>() {
        return items.iter().map(|item| json(&item, depth + 1)).collect();
    }
    if let Ok(items) = value.cast::<PyTuple>() {
        return items.iter().map(|item| json(&item, depth + 1)).collect();
    }
    if value.is_instance_of::<PySet>() || value.is_instance_of::<PyFrozenSet>() {
        return value.try_iter()?.map(|item| json(&item?, depth + 1)).collect();
    }
    if let Ok(bytes) = value.cast::<PyBytes>() {
        return Ok(Value::String(String::from_utf8_lossy(bytes.as_bytes()).into_owned()));
    }
    // The rest is rare, and Python knows it better: paths, models, dataclasses, other mappings and sequences.
    let plain = value.py().import("agentfirewall._plain")?.getattr("plain")?.call1((value,))?;
    if plain.is(value) {
        return shown(value);
    }
    json(&plain, depth + 1)
}

fn key(name: &Bound<'_, PyAny>) -> PyResult<String> {
    match name.cast::<PyString>() {
        Ok(text) => Ok(text.to_string_lossy().into_owned()),
        Err(_) => Ok(name.str()?.to_string_lossy().into_owned()),
    }
}

fn shown(value: &Bound<'_, PyAny>) -> PyResult<Value> {
    Ok(Value::String(value.str()?.to_string_lossy().into_owned()))
}

/// JSON as Python has it.
pub(crate) fn python<'py>(py: Python<'py>, value: &Value) -> PyResult<Bound<'py, PyAny>> {
    Ok(match value {
        Value::Null => py.None().into_bound(py),
        Value::Bool(truth) => PyBool::new(py, *truth).to_owned().into_any(),
        Value::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(number), _) => number.into_pyobject(py)?.into_any(),
            (None, Some(number)) => number.into_pyobject(py)?.into_any(),
            _ => PyFloat::new(py, number.as_f64().unwrap_or(f64::NAN)).into_any(),
        },
        Value::String(text) => PyString::new(py, text).into_any(),
        Value::Array(items) => {
            let list = PyList::empty(py);
            for item in items {
                list.append(python(py, item)?)?;
            }
            list.into_any()
        }
        Value::Object(members) => {
            let dict = PyDict::new(py);
            for (name, member) in members {
                dict.set_item(name, python(py, member)?)?;
            }
            dict.into_any()
        }
    })
}

/// The place of a byte as the number of characters before it.
pub(crate) fn characters(text: &str, byte: usize) -> usize {
    text.get(..byte).map_or_else(|| text.chars().count(), |before| before.chars().count())
}

/// The place of a character as a byte; `None` if the text has no such place.
pub(crate) fn byte(text: &str, characters: usize) -> Option<usize> {
    if text.is_ascii() {
        return (characters <= text.len()).then_some(characters);
    }
    text.char_indices().map(|(at, _)| at).chain([text.len()]).nth(characters)
}
