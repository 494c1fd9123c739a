(function () {
  'use strict';
  document.querySelectorAll('[data-copy]').forEach(function (button) {
    if (!navigator.clipboard) return;
    button.hidden = false;
    button.onclick = function () {
      navigator.clipboard.writeText(button.previousElementSibling.textContent).then(function () { button.textContent = 'copied'; });
    };
  });
  addEventListener('beforeprint', function () {
    document.querySelectorAll('details:not(#items)').forEach(function (d) { d.open = true; });
  });
  var box = document.getElementById('items');
  if (!box) return;
  var PAGE = 100, DIGITS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_';
  var NAMES = [['item', 'item'], ['status', 'state'], ['attempts', 'attempts'], ['took', 'took'], ['peak', 'peak'], ['rows_in', 'rows in'],
    ['rejected', 'rejected'], ['rows_out', 'rows out'], ['label', 'reads']];
  var data, columns = {}, rows = [], order = 'index', down = false, from = 0;
  function get(id) { return document.getElementById(id); }
  function numbers(column) {
    var all = [], i, k, value;
    for (i = 0; i < data.n; i++) {
      if (column.width === undefined) { all.push(column.same); continue; }
      value = 0;
      for (k = 0; k < column.width; k++) value = value * 64 + DIGITS.indexOf(column.data[i * column.width + k]);
      all.push(value);
    }
    return all;
  }
  function load() {
    data = JSON.parse(get('items-data').textContent);
    Object.keys(data.columns).forEach(function (name) { columns[name] = numbers(data.columns[name]); });
    if (data.spans) {
      columns.step = []; columns.item = [];
      data.spans.forEach(function (span) {
        for (var i = 0; i < span[2]; i++) { columns.step.push(span[0]); columns.item.push(span[1] + i); }
      });
    }
    for (var i = 0; i < data.n; i++) rows.push(i);
    head();
    var choice = get('items-status');
    [''].concat(data.statuses).forEach(function (status) {
      var option = document.createElement('option');
      option.value = status; option.textContent = status || 'all';
      choice.appendChild(option);
    });
    choice.onchange = get('items-filter').oninput = function () { from = 0; show(); };
    get('items-back').onclick = function () { from = Math.max(0, from - PAGE); show(); };
    get('items-on').onclick = function () { from += PAGE; show(); };
    show();
  }
  function head() {
    var line = document.createElement('tr');
    NAMES.forEach(function (name) {
      if (name[0] === 'label' && !data.labels) return;
      var cell = document.createElement('th'), button = document.createElement('button');
      cell.scope = 'col'; button.type = 'button'; button.textContent = name[1];
      if (name[0] !== 'item' && name[0] !== 'status' && name[0] !== 'label') cell.className = 'n';
      button.onclick = function () {
        down = order === name[0] ? !down : name[0] !== 'item' && name[0] !== 'label';
        order = name[0]; from = 0;
        line.querySelectorAll('th').forEach(function (other) { other.removeAttribute('aria-sort'); });
        cell.setAttribute('aria-sort', down ? 'descending' : 'ascending');
        show();
      };
      cell.appendChild(button); line.appendChild(cell);
    });
    get('items-head').appendChild(line);
  }
  function text(name, i) {
    switch (name) {
      case 'item': return data.steps[columns.step[i]] + ' ' + columns.item[i];
      case 'status': return data.statuses[columns.status[i]];
      case 'took': return (columns.took[i] / 10).toFixed(1) + ' s';
      case 'peak': return columns.peak[i] + ' MiB';
      case 'label': return data.labels.prefix + data.labels.rest[i];
      default: return columns[name][i].toLocaleString('en');
    }
  }
  function key(i) {
    if (order === 'index' || order === 'item') return i;
    return order === 'label' ? text('label', i) : columns[order][i];
  }
  function show() {
    var wanted = get('items-filter').value.toLowerCase(), status = get('items-status').value;
    var found = rows.filter(function (i) {
      if (status && text('status', i) !== status) return false;
      return !wanted || (text('item', i) + ' ' + (data.labels ? text('label', i) : '')).toLowerCase().indexOf(wanted) >= 0;
    });
    found.sort(function (a, b) {
      var x = key(a), y = key(b), by = x < y ? -1 : x > y ? 1 : 0;
      return (down ? -by : by) || a - b;
    });
    if (from >= found.length) from = Math.max(0, found.length - 1 - (found.length - 1) % PAGE);
    var body = document.createDocumentFragment();
    found.slice(from, from + PAGE).forEach(function (i) {
      var line = document.createElement('tr');
      NAMES.forEach(function (name) {
        if (name[0] === 'label' && !data.labels) return;
        var cell = document.createElement(name[0] === 'item' ? 'th' : 'td');
        if (name[0] === 'item') cell.scope = 'row';
        else if (name[0] === 'label') cell.className = 'long';
        else if (name[0] !== 'status') cell.className = 'n';
        cell.textContent = text(name[0], i);
        line.appendChild(cell);
      });
      body.appendChild(line);
    });
    get('items-body').replaceChildren(body);
    get('items-where').textContent = found.length ? (from + 1) + '–' + Math.min(from + PAGE, found.length) + ' of ' + found.length : 'none';
    get('items-back').disabled = from === 0;
    get('items-on').disabled = from + PAGE >= found.length;
  }
  box.addEventListener('toggle', function () { if (!data) load(); });
}());
