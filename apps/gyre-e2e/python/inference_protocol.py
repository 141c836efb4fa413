"""What tritonclient, the client most people have, is answered: every datatype and every error, over gRPC and HTTP.

    python inference_protocol.py GRPC_ADDRESS HTTP_URL [DIRECTORY OF MODELS]

The server is a running Gyre. The models are made here and imported over its API; each *.onnx of the directory that has a *.json with inputs and expected outputs
beside it is imported too, and held to them.
"""

import json
import pathlib
import sys
import threading
import unittest
import urllib.error
import urllib.request

import numpy as np
import onnx
import tritonclient.grpc as grpc
import tritonclient.http as http
from onnx import TensorProto, helper
from tritonclient.utils import InferenceServerException, np_to_triton_dtype

ADDRESS, URL = sys.argv[1], sys.argv[2]
DIRECTORY = pathlib.Path(sys.argv[3]) if len(sys.argv) > 3 else None

TYPES = {
    "BOOL": (TensorProto.BOOL, np.bool_),
    "UINT8": (TensorProto.UINT8, np.uint8),
    "UINT16": (TensorProto.UINT16, np.uint16),
    "UINT32": (TensorProto.UINT32, np.uint32),
    "UINT64": (TensorProto.UINT64, np.uint64),
    "INT8": (TensorProto.INT8, np.int8),
    "INT16": (TensorProto.INT16, np.int16),
    "INT32": (TensorProto.INT32, np.int32),
    "INT64": (TensorProto.INT64, np.int64),
    "FP16": (TensorProto.FLOAT16, np.float16),
    "FP32": (TensorProto.FLOAT, np.float32),
    "FP64": (TensorProto.DOUBLE, np.float64),
    "BYTES": (TensorProto.STRING, np.object_),
}


def samples(datatype):
    """Values at the ends of the range, in a matrix of two columns."""
    if datatype == "BYTES":
        return np.array([[b"a", "é\U0001f300".encode()], [b"", b"x" * 300]], dtype=np.object_)
    kind = TYPES[datatype][1]
    if datatype == "BOOL":
        return np.array([[True, False], [False, True]], dtype=kind)
    if datatype.startswith("FP"):
        info = np.finfo(kind)
        return np.array([[info.min, info.max], [info.tiny, -0.1]], dtype=kind)
    info = np.iinfo(kind)
    return np.array([[info.min, info.max], [0, 1]], dtype=kind)


def identity(element):
    value = lambda name: helper.make_tensor_value_info(name, element, ["N", 2])
    return helper.make_graph([helper.make_node("Identity", ["x"], ["y"])], "identity", [value("x")], [value("y")])


def classifier(zipmap):
    """A linear classifier with text labels, its probabilities as a matrix, or as converters like to write them: as a list of maps."""
    labels = ["down", "level", "up"]
    nodes = [
        helper.make_node(
            "LinearClassifier",
            ["x"],
            ["label", "scores" if zipmap else "probabilities"],
            domain="ai.onnx.ml",
            coefficients=[1.0, 0.0, 0.0, 1.0, -1.0, -1.0],
            intercepts=[0.0, 0.0, 0.0],
            multi_class=1,
            post_transform="SOFTMAX",
            classlabels_strings=labels,
        )
    ]
    output = helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["N", 3])
    if zipmap:
        nodes.append(
            helper.make_node("ZipMap", ["scores"], ["probabilities"], domain="ai.onnx.ml", classlabels_strings=labels)
        )
        entry = helper.make_map_type_proto(TensorProto.STRING, helper.make_tensor_type_proto(TensorProto.FLOAT, []))
        output = helper.make_value_info("probabilities", helper.make_sequence_type_proto(entry))
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 2])]
    label = helper.make_tensor_value_info("label", TensorProto.STRING, ["N"])
    return helper.make_graph(nodes, "classifier", inputs, [label, output])


def lookup():
    """Two inputs, whole numbers and text; two outputs."""
    nodes = [
        helper.make_node(
            "LabelEncoder", ["who"], ["code"], domain="ai.onnx.ml", keys_strings=["a", "b"], values_int64s=[10, 20], default_int64=-1
        ),
        helper.make_node("Add", ["code", "offset"], ["sum"]),
        helper.make_node("Identity", ["who"], ["same"]),
    ]
    value = helper.make_tensor_value_info
    inputs = [value("who", TensorProto.STRING, ["N"]), value("offset", TensorProto.INT64, ["N"])]
    outputs = [value("sum", TensorProto.INT64, ["N"]), value("same", TensorProto.STRING, ["N"])]
    return helper.make_graph(nodes, "lookup", inputs, outputs)


def import_model(name, data):
    request = urllib.request.Request(f"http://{URL}/v1/models/{name}/import", data=data, headers={"x-file-name": f"{name}.onnx"})
    with urllib.request.urlopen(request) as answer:
        imported = json.load(answer)
    client = http.InferenceServerClient(URL)
    for _ in range(600):
        try:
            if client.is_model_ready(name):
                return imported
        except InferenceServerException:
            pass
        threading.Event().wait(0.05)
    raise AssertionError(f"{name} is not ready after 30 s")


def import_graph(name, graph):
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 2)]
    return import_model(name, helper.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString())


def rest(path, body):
    request = urllib.request.Request(f"http://{URL}{path}", data=body if isinstance(body, bytes) else json.dumps(body).encode())
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


class Protocol(unittest.TestCase):
    """Run once for each of the clients: `library` and `address` are the subclass's."""

    library = None
    address = None

    @classmethod
    def setUpClass(cls):
        if cls.library is None:
            raise unittest.SkipTest("the suite of both clients")
        cls.client = cls.library.InferenceServerClient(cls.address)

    def infer(self, model, arrays, outputs=None, **options):
        inputs = []
        for name, array in arrays.items():
            tensor = self.library.InferInput(name, list(array.shape), np_to_triton_dtype(array.dtype))
            tensor.set_data_from_numpy(array)
            inputs.append(tensor)
        asked = None if outputs is None else [self.library.InferRequestedOutput(name) for name in outputs]
        return self.client.infer(model, inputs, outputs=asked, **options)

    def test_live_and_ready(self):
        self.assertTrue(self.client.is_server_live())
        self.assertTrue(self.client.is_server_ready())
        self.assertTrue(self.client.is_model_ready("fp32"))
        self.assertTrue(self.client.is_model_ready("fp32", "1"))
        self.assertFalse(self.client.is_model_ready("fp32", "9"))

    def test_every_datatype(self):
        for datatype in TYPES:
            with self.subTest(datatype):
                sample = samples(datatype)
                answer = self.infer(datatype.lower(), {"x": sample})
                np.testing.assert_array_equal(answer.as_numpy("y"), sample)

    def test_metadata(self):
        metadata = self.client.get_model_metadata("colours")
        if self.library is http:
            self.assertEqual(metadata["inputs"], [{"name": "x", "datatype": "FP32", "shape": [-1, 2]}])
            self.assertEqual(json.loads(metadata["parameters"]["class_labels"]), ["down", "level", "up"])
        else:
            self.assertEqual([(t.name, t.datatype, list(t.shape)) for t in metadata.inputs], [("x", "FP32", [-1, 2])])
            self.assertEqual([t.name for t in metadata.outputs], ["label", "probabilities"])

    def test_labels_and_probabilities(self):
        rows = np.array([[1, 2], [3, -1]], np.float32)
        powers = np.exp(np.stack([rows[:, 0], rows[:, 1], -rows.sum(1)], 1))
        for model in ("colours", "zipped"):
            with self.subTest(model):
                answer = self.infer(model, {"x": rows})
                expected = powers / powers.sum(1, keepdims=True)
                np.testing.assert_allclose(answer.as_numpy("probabilities"), expected, atol=1e-5)
                self.assertEqual(answer.as_numpy("label").tolist(), [b"level", b"down"])

    def test_several_inputs_and_outputs(self):
        arrays = {"offset": np.array([1, 2**40], np.int64), "who": np.array([b"b", b"?"], np.object_)}
        answer = self.infer("lookup", arrays)
        self.assertEqual(answer.as_numpy("sum").tolist(), [21, 2**40 - 1])
        self.assertEqual(answer.as_numpy("same").tolist(), [b"b", b"?"])
        answer = self.infer("lookup", arrays, outputs=["same"], request_id="mine", model_version="1")
        self.assertIsNone(answer.as_numpy("sum"))
        self.assertEqual(answer.as_numpy("same").tolist(), [b"b", b"?"])
        response = answer.get_response()
        self.assertEqual(response["id"] if self.library is http else response.id, "mine")

    def test_many_at_once(self):
        rows = np.arange(200, dtype=np.float32).reshape(100, 2)
        wrong = []

        def ask(i):
            client = self.library.InferenceServerClient(self.address)
            tensor = self.library.InferInput("x", [1, 2], "FP32")
            tensor.set_data_from_numpy(rows[i : i + 1])
            if not np.array_equal(client.infer("fp32", [tensor]).as_numpy("y"), rows[i : i + 1]):
                wrong.append(i)

        threads = [threading.Thread(target=ask, args=(i,)) for i in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(wrong, [])

    def refused(self, status, words, model, arrays, **options):
        with self.assertRaises(InferenceServerException) as caught:
            self.infer(model, arrays, **options)
        self.assertIn(words, caught.exception.message())
        self.assertEqual(str(caught.exception.status()), status[1 if self.library is http else 0])

    def test_every_error(self):
        row = np.zeros((1, 2), np.float32)
        bad = ("StatusCode.INVALID_ARGUMENT", "400")
        missing = ("StatusCode.NOT_FOUND", "404")
        self.refused(missing, 'no model named "nothing"', "nothing", {"x": row})
        self.refused(missing, 'version "7" of fp32 is not loaded', "fp32", {"x": row}, model_version="7")
        self.refused(bad, 'there is no input "z"; expected "x" of FP32 [N, 2]', "fp32", {"z": row})
        self.refused(bad, 'input "x" is FP64 [1, 2]; expected "x" of FP32 [N, 2]', "fp32", {"x": row.astype(np.float64)})
        self.refused(bad, 'input "x" is FP32 [1, 3]', "fp32", {"x": np.zeros((1, 3), np.float32)})
        self.refused(bad, 'input "x" has no rows', "fp32", {"x": np.zeros((0, 2), np.float32)})
        self.refused(bad, 'input "who" is missing', "lookup", {"offset": np.zeros(1, np.int64)})
        self.refused(bad, 'fp32 has no output "nothing"', "fp32", {"x": row}, outputs=["nothing"])
        self.refused(bad, "no UTF-8", "bytes", {"x": np.array([[b"\xff", b"a"]], np.object_)})


class OverGrpc(Protocol):
    library = grpc
    address = ADDRESS


class OverHttp(Protocol):
    library = http
    address = URL


class Alike(unittest.TestCase):
    def test_rest_equals_grpc_to_the_bit(self):
        """The same rows in the same batch: JSON, binary over HTTP, raw over gRPC."""
        rows = np.random.default_rng(7).normal(size=(5, 2)).astype(np.float32)
        answers = []
        for library, address in ((grpc, ADDRESS), (http, URL)):
            tensor = library.InferInput("x", [5, 2], "FP32")
            tensor.set_data_from_numpy(rows)
            answers.append(library.InferenceServerClient(address).infer("colours", [tensor]).as_numpy("probabilities"))
        body = {"inputs": [{"name": "x", "shape": [5, 2], "datatype": "FP32", "data": [[float(v) for v in r] for r in rows]}]}
        status, answer = rest("/v2/models/colours/infer", body)
        self.assertEqual(status, 200)
        data = {output["name"]: output["data"] for output in answer["outputs"]}
        answers.append(np.array(data["probabilities"], np.float32).reshape(5, 3))
        for other in answers[1:]:
            self.assertEqual(other.tobytes(), answers[0].tobytes())

    def test_long_integers_in_json(self):
        body = '{"inputs":[{"name":"x","shape":[1,2],"datatype":"INT64","data":[9223372036854775807,-9007199254740993]}]}'
        status, answer = rest("/v2/models/int64/infer", body.encode())
        self.assertEqual((status, answer["outputs"][0]["data"]), (200, [9223372036854775807, -9007199254740993]))

    def test_what_is_no_request(self):
        self.assertEqual(rest("/v2/models/fp32/infer", b'{"inputs": [')[0], 400)
        self.assertEqual(rest("/v2/models/fp32/infer", {"inputs": [{"name": "x"}]})[0], 400)


class Files(unittest.TestCase):
    """The models of the directory, by raw contents and typed ones, alone and in a batch."""

    def test_expected_outputs(self):
        for path in sorted(DIRECTORY.glob("*.onnx")) if DIRECTORY else []:
            golden = json.loads(path.with_suffix(".json").read_text())
            name = path.stem.replace("_", "-")
            import_model(name, path.read_bytes())
            [(tensor_name, rows)] = golden["inputs"].items()
            rows = np.array(rows, np.float32)
            with self.subTest(name):
                whole = self.both(name, tensor_name, rows)
                single = [self.both(name, tensor_name, rows[i : i + 1]) for i in range(len(rows))]
                for output, expected in golden["expected"].items():
                    expected = np.array(expected)
                    for answer in (*whole, *({output: np.concatenate([one[k][output] for one in single])} for k in range(3))):
                        np.testing.assert_allclose(answer[output].reshape(expected.shape), expected, atol=1e-5)

    def both(self, model, name, rows):
        """By gRPC with raw contents and with typed ones, and by JSON."""
        tensor = grpc.InferInput(name, list(rows.shape), "FP32")
        tensor.set_data_from_numpy(rows)
        client = grpc.InferenceServerClient(ADDRESS)
        answer = client.infer(model, [tensor])
        names = [output.name for output in answer.get_response().outputs]
        request = grpc.service_pb2.ModelInferRequest(model_name=model)
        typed = request.inputs.add(name=name, datatype="FP32", shape=rows.shape)
        typed.contents.fp32_contents.extend(rows.flatten().tolist())
        response = client._client_stub.ModelInfer(request)
        contents = lambda output: list(output.contents.int64_contents) or list(output.contents.fp32_contents)
        body = {"inputs": [{"name": name, "shape": rows.shape, "datatype": "FP32", "data": rows.flatten().tolist()}]}
        _, json_answer = rest(f"/v2/models/{model}/infer", body)
        return (
            {n: answer.as_numpy(n) for n in names},
            {o.name: np.array(contents(o)).reshape(list(o.shape)) for o in response.outputs},
            {o["name"]: np.array(o["data"]).reshape(o["shape"]) for o in json_answer["outputs"]},
        )


if __name__ == "__main__":
    for datatype, (element, _) in TYPES.items():
        import_graph(datatype.lower(), identity(element))
    import_graph("colours", classifier(zipmap=False))
    zipped = import_graph("zipped", classifier(zipmap=True))
    assert zipped["cut"] == ["probabilities"], zipped
    import_graph("lookup", lookup())
    unittest.main(argv=sys.argv[:1], verbosity=1)
