'use strict';

// Names repeat: each is worked out once.
const snakes = new Map();
const camels = new Map();

function remembered(memory, name, make) {
  let made = memory.get(name);
  if (made === undefined) {
    made = make(name);
    // Names from outside must not fill the memory.
    if (memory.size < 1000) memory.set(name, made);
  }
  return made;
}

/** `primaryPhoneNumberID` becomes `primary_phone_number_id`. */
function snake(name) {
  return remembered(snakes, name, text =>
    text
      .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
      .replace(/([A-Z])([A-Z][a-z])/g, '$1_$2')
      .toLowerCase(),
  );
}

/** `primary_phone_number_id` becomes `primaryPhoneNumberId`. */
function camel(name) {
  return remembered(camels, name, text => text.replace(/_+([a-z0-9])/g, (_, letter) => letter.toUpperCase()));
}

/** The parameters of a call as the wire names them. What is inside of them, such as metadata, is the caller's own. */
function snakeKeys(params) {
  if (Array.isArray(params)) return params.map(snakeKeys);
  const renamed = {};
  for (const [name, value] of Object.entries(params)) renamed[snake(name)] = value;
  return renamed;
}

/** An object of the wire with names as JavaScript has them, at every depth. */
function camelKeys(value) {
  if (Array.isArray(value)) return value.map(camelKeys);
  if (value === null || typeof value !== 'object') return value;
  const renamed = {};
  for (const [name, inner] of Object.entries(value)) renamed[camel(name)] = camelKeys(inner);
  return renamed;
}

module.exports = { snake, snakeKeys, camelKeys };
