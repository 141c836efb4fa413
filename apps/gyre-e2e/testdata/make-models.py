"""Writes small ONNX models of unusual kinds into the folder given, each with inputs and the outputs that onnxruntime (Python) gives: a JSON beside each."""
import json, sys, numpy as np, onnx, onnxruntime as ort
from onnx import TensorProto as T, helper as h, numpy_helper
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.tree import DecisionTreeClassifier
import skl2onnx, sklearn
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType, Int64TensorType, StringTensorType

OUT = sys.argv[1]
rng = np.random.default_rng(7)

def plain(a):
    a = np.asarray(a)
    if a.dtype.kind in 'OUS': return [str(v) for v in a.ravel()]
    return [v.item() for v in a.ravel()]

def save(name, model, feeds, note):
    data = model.SerializeToString()
    open(f'{OUT}/{name}.onnx', 'wb').write(data)
    s = ort.InferenceSession(data, providers=['CPUExecutionProvider'])
    got = s.run(None, feeds)
    outs = {}
    for o, v in zip(s.get_outputs(), got):
        if isinstance(v, list):  # a ZipMap: a map by row
            v = np.array([[row[k] for k in row] for row in v], dtype=np.float32)
        outs[o.name] = {'type': o.type, 'shape': list(np.shape(v)), 'data': plain(v)}
    ins = {i.name: {'type': i.type, 'shape': list(np.shape(feeds[i.name])), 'data': plain(feeds[i.name])} for i in s.get_inputs()}
    versions = {'onnx': onnx.__version__, 'onnxruntime': ort.__version__, 'skl2onnx': skl2onnx.__version__, 'scikit-learn': sklearn.__version__}
    json.dump({'header': {'versions': versions, 'note': note, 'made_by': 'make-models.py'}, 'inputs': ins, 'outputs': outs}, open(f'{OUT}/{name}.json', 'w'))

def graph(name, nodes, ins, outs, consts=(), opset=17):
    g = h.make_graph(nodes, name, [h.make_tensor_value_info(*i) for i in ins], [h.make_tensor_value_info(*o) for o in outs], [numpy_helper.from_array(v, k) for k, v in consts])
    m = h.make_model(g, opset_imports=[h.make_opsetid('', opset)]); m.ir_version = 8
    onnx.checker.check_model(m)
    return m

colours = np.array(['red', 'green', 'blue'] * 20, dtype=object).reshape(-1, 1)
sizes = np.array(['S', 'M', 'L', 'XL'] * 15, dtype=object).reshape(-1, 1)
number = rng.normal(size=(60, 1)).astype(np.float32)
target = np.array(['ham' if (c == 'red') ^ (n > 0) else 'spam' for c, n in zip(colours[:, 0], number[:, 0])])
table = np.concatenate([colours, sizes, number.astype(object)], axis=1)
import pandas as pd
frame = pd.DataFrame({'colour': colours[:, 0], 'size': sizes[:, 0], 'number': number[:, 0]})
pipe = make_pipeline(ColumnTransformer([('cat', OneHotEncoder(handle_unknown='ignore'), ['colour', 'size']), ('num', StandardScaler(), ['number'])]), LogisticRegression()).fit(frame, target)
types = [('colour', StringTensorType([None, 1])), ('size', StringTensorType([None, 1])), ('number', FloatTensorType([None, 1]))]
feeds = {'colour': colours[:5], 'size': sizes[:5], 'number': number[:5]}
save('text_columns_zipmap_text', to_onnx(pipe, initial_types=types, target_opset=17), feeds, 'one-hot texts and a number, text labels, ZipMap')
save('text_columns_no_zipmap', to_onnx(pipe, initial_types=types, target_opset=17, options={id(pipe): {'zipmap': False}}), feeds, 'the same without ZipMap')
save('text_columns_zipmap_columns', to_onnx(pipe, initial_types=types, target_opset=17, options={id(pipe): {'zipmap': 'columns'}}), feeds, 'a column for each class')

xi = rng.integers(0, 9, size=(80, 3)).astype(np.int64)
tree = DecisionTreeClassifier(max_depth=4).fit(xi, xi.sum(1) % 3 + 10)
save('int64_tree_zipmap_int', to_onnx(tree, initial_types=[('X', Int64TensorType([None, 3]))], target_opset=17), {'X': xi[:6]}, 'int64 matrix, int labels 10 to 12, ZipMap')

x2 = np.array([[1.5, -2], [0.25, 3]], dtype=np.float32)
save('identity', graph('identity', [h.make_node('Identity', ['x'], ['y'])], [('x', T.FLOAT, ['N', 2])], [('y', T.FLOAT, ['N', 2])]), {'x': x2}, 'Identity')
save('identity_text', graph('identity_text', [h.make_node('Identity', ['x'], ['y'])], [('x', T.STRING, ['N'])], [('y', T.STRING, ['N'])]), {'x': np.array(['a', '', 'é'], dtype=object)}, 'Identity of text')
save('scalar_output', graph('scalar', [h.make_node('ReduceSum', ['x'], ['y'], keepdims=0)], [('x', T.FLOAT, ['N', 2])], [('y', T.FLOAT, [])]), {'x': x2}, 'a scalar output')
save('scalar_input', graph('scalar_in', [h.make_node('Mul', ['x', 'k'], ['y'])], [('x', T.FLOAT, ['N', 2]), ('k', T.FLOAT, [])], [('y', T.FLOAT, ['N', 2])]), {'x': x2, 'k': np.array(3, dtype=np.float32)}, 'a scalar input')
save('float64', graph('double', [h.make_node('Mul', ['x', 'x'], ['y'])], [('x', T.DOUBLE, ['N', 2])], [('y', T.DOUBLE, ['N', 2])]), {'x': x2.astype(np.float64) / 3}, 'double')
save('float16', graph('half', [h.make_node('Identity', ['x'], ['y'])], [('x', T.FLOAT16, ['N', 2])], [('y', T.FLOAT16, ['N', 2])]), {'x': x2.astype(np.float16)}, 'half')
save('bool', graph('bool', [h.make_node('Not', ['x'], ['y'])], [('x', T.BOOL, ['N', 3])], [('y', T.BOOL, ['N', 3])]), {'x': np.array([[True, False, True]])}, 'bool')
save('several_outputs', graph('several', [h.make_node('Relu', ['x'], ['relu']), h.make_node('Cast', ['x'], ['whole'], to=T.INT64), h.make_node('Greater', ['x', 'zero'], ['positive']), h.make_node('Shape', ['x'], ['shape'])], [('x', T.FLOAT, ['N', 2])], [('relu', T.FLOAT, ['N', 2]), ('whole', T.INT64, ['N', 2]), ('positive', T.BOOL, ['N', 2]), ('shape', T.INT64, [2])], [('zero', np.zeros(1, np.float32))]), {'x': x2}, 'several outputs, one of which is no batch')
free = graph('rankless', [h.make_node('Relu', ['x'], ['y'])], [('x', T.FLOAT, ['N', 2])], [('y', T.FLOAT, ['N', 2])])
for v in list(free.graph.input) + list(free.graph.output): v.type.tensor_type.ClearField('shape')
save('no_rank', free, {'x': x2}, 'neither rank nor shape declared')
unknown_out = graph('outless', [h.make_node('Reshape', ['x', 's'], ['y'])], [('x', T.FLOAT, ['N', 4]), ('s', T.INT64, ['r'])], [('y', T.FLOAT, ['a'])])
unknown_out.graph.output[0].type.tensor_type.ClearField('shape')
save('dynamic_rank', unknown_out, {'x': np.arange(8, dtype=np.float32).reshape(2, 4), 's': np.array([2, 2, 2], dtype=np.int64)}, 'rank of the output by an input')
for name, code, dt in [('int8', T.INT8, np.int8), ('uint8', T.UINT8, np.uint8), ('int32', T.INT32, np.int32), ('uint64', T.UINT64, np.uint64)]:
    save(f'{name}', graph(name, [h.make_node('Identity', ['x'], ['y'])], [('x', code, ['N', 2])], [('y', code, ['N', 2])]), {'x': np.array([[1, 100]], dtype=dt)}, name)
save('fixed_batch', graph('fixed', [h.make_node('Relu', ['x'], ['y'])], [('x', T.FLOAT, [2, 2])], [('y', T.FLOAT, [2, 2])]), {'x': x2}, 'a batch of exactly two')
