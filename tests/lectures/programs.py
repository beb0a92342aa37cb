"""The lectures' programs, letter by letter, and what in them PyTorch refuses too."""

CORRECTIONS = {  # {slip: what is meant}
    # H defines Net(n_features, n_hidden) and calls it without them.
    "net = Net()": "net = Net(*sizes)",
    # H has a comment alone in the body of its loop.
    "    # gradient descent code here.": "    seen.append((batch_features, batch_labels))",
    # J closes the brackets of randn at once.
    "torch.randn(), device": "torch.randn((), device",
    # C puts the generator into a list.
    "LBFGS([net.parameters()]": "LBFGS(net.parameters()",
}


def corrected(text: str) -> str:
    """A program without the slips that PyTorch refuses."""
    for slip, right in CORRECTIONS.items():
        text = text.replace(slip, right)
    return text


# ---- lecture H

LINEAR = """\
import torch
class LinearModel(torch.nn.Module):
    def __init__(self):
        super(LinearModel, self).__init__()
        self.weight_vec = torch.nn.Linear(n_features, 1)
    def forward(self, features):
        return self.weight_vec(features)
"""

ONE_HIDDEN_LAYER = """\
class OneHiddenLayer(torch.nn.Module):
    def __init__(self, n_features, n_hidden):
        super(OneHiddenLayer, self).__init__()
        self.hidden_weights = torch.nn.Linear(
          n_features, n_hidden)
        self.activation = torch.nn.ReLU()
        self.out_weights = torch.nn.Linear(n_hidden, 1)
    def forward(self, feature_mat):
        a_mat = self.hidden_weights(feature_mat)
        h_mat = self.activation(a_mat)
        return self.out_weights(h_mat)
"""

STACK = """\
class Net(torch.nn.Module):
    def __init__(self, n_features, n_hidden):
        super(Net, self).__init__()
        self.stack = torch.nn.Sequential(
            torch.nn.Linear(n_features, n_hidden),
            torch.nn.ReLU(),
            torch.nn.Linear(n_hidden, 1))
    def forward(self, feature_mat):
        return self.stack(feature_mat)
"""

BINARY = """\
net = Net()
loss_fun = torch.nn.BCEWithLogitsLoss()
optimizer = torch.optim.SGD(net.parameters(), lr=0.03)
# to do in a loop:
optimizer.zero_grad()
loss_value = loss_fun(net(inputs), outputs) # last node
loss_value.backward() # auto grad
optimizer.step() # learning
# stochastic, batch, full gradient descent variants:
loss_one = loss_fun(
 net(one_input), one_output)
loss_batch = loss_fun(
 net(batch_inputs), batch_outputs)
loss_subtrain = loss_fun(
 net(subtrain_inputs), subtrain_outputs)
"""

REGRESSION = """\
net = Net()
loss_fun = torch.nn.MSELoss() #The only change!
optimizer = torch.optim.SGD(net.parameters(), lr=0.03)
# to do in a loop:
optimizer.zero_grad()
loss_value = loss_fun(net(inputs), outputs)
# outputs are real numbers, not 0/1 binary classes.
loss_value.backward() # auto grad
optimizer.step() # learning
"""

CLASSES = """\
class Net(torch.nn.Module):
    def __init__(self, n_features, n_hidden, n_classes):
        super(Net, self).__init__()
        self.stack = torch.nn.Sequential(
          torch.nn.Linear(n_features, n_hidden),
          torch.nn.ReLU(),
          torch.nn.Linear(n_hidden, n_classes))
    def forward(self, feature_mat):
        return self.stack(feature_mat)
net = Net()
loss_fun = torch.nn.CrossEntropyLoss()
# to do in a loop:
loss_value = loss_fun(net(inputs), outputs)
"""

DEVICE = """\
device = "cuda" if torch.cuda.is_available() else "cpu"
# features and labels to torch and GPU
cpu_features = torch.from_numpy(numpy_features).float()
dev_features = cpu_features.to(device)
cpu_labels = torch.from_numpy(numpy_labels).float()
dev_labels = cpu_labels.to(device)
# weights to GPU
cpu_net = Net()
dev_net = cpu_net.to(device)
"""

CSV = """\
class CSV(torch.utils.data.Dataset):
    def __init__(self, features, labels):
        self.features = features
        self.labels = labels
    def __getitem__(self, item):
        return self.features[item,:], self.labels[item]
    def __len__(self):
        return len(self.labels)
ds = CSV(feature_mat, set_labels["subtrain"])
dl = torch.utils.data.DataLoader(
  ds, batch_size=1000, shuffle=True)
for batch_features, batch_labels in dl:
    # gradient descent code here.
"""

# ---- lecture J

POLYNOMIAL_NUMPY = """\
for t in range(2000):
    # Forward pass: compute predicted y
    #  $y = a + b x + c x^2 + d x^3$
    y_pred = a + b * x + c * x ** 2 + d * x ** 3

    # Compute and print loss
    loss = np.square(y_pred - y).sum()
    if t % 100 == 99:
        print(t, loss)

    # Backprop to compute gradients of a, b, c, d with respect to loss
    grad_y_pred = 2.0 * (y_pred - y)
    grad_a = grad_y_pred.sum()
    grad_b = (grad_y_pred * x).sum()
    grad_c = (grad_y_pred * x ** 2).sum()
    grad_d = (grad_y_pred * x ** 3).sum()

    # Update weights
    a -= learning_rate * grad_a
    b -= learning_rate * grad_b
    c -= learning_rate * grad_c
    d -= learning_rate * grad_d
"""

POLYNOMIAL_WEIGHTS = """\
# Create random Tensors for weights. For a third order polynomial, we need
# 4 weights:  $y = a + b x + c x^2 + d x^3$
# Setting requires_grad=True indicates that we want to compute gradients with
# respect to these Tensors during the backward pass.
a = torch.randn(), device=device, dtype=dtype, requires_grad=True)
b = torch.randn(), device=device, dtype=dtype, requires_grad=True)
c = torch.randn(), device=device, dtype=dtype, requires_grad=True)
d = torch.randn(), device=device, dtype=dtype, requires_grad=True)
"""

POLYNOMIAL_TENSORS = """\
learning_rate = 1e-6
for t in range(2000):
    # Forward pass: compute predicted y using operations on Tensors.
    y_pred = a + b * x + c * x ** 2 + d * x ** 3

    # Compute and print loss using operations on Tensors.
    # Now loss is a Tensor of shape (1,)
    # loss.item() gets the scalar value held in the loss.
    loss = (y_pred - y).pow(2).sum()
    if t % 100 == 99:
        print(t, loss.item())

    # Use autograd to compute the backward pass. This call will compute the
    # gradient of loss with respect to all Tensors with requires_grad=True.
    # After this call a.grad, b.grad, c.grad and d.grad will be Tensors holding
    # the gradient of the loss with respect to a, b, c, d respectively.
    loss.backward()

    # Manually update weights using gradient descent. Wrap in torch.no_grad()
    # because weights have requires_grad=True, but we don't need to track this
    # in autograd.
    with torch.no_grad():
        a -= learning_rate * a.grad
        b -= learning_rate * b.grad
        c -= learning_rate * c.grad
        d -= learning_rate * d.grad

    # Manually zero the gradients after updating weights
    a.grad = None
    b.grad = None
    c.grad = None
    d.grad = None
"""

LAYERS = """\
linear1 = torch.nn.Linear(2,3)
sigmoid1 = torch.nn.Sigmoid()
linear2 = torch.nn.Linear(3,2)
loss_function = torch.nn.MSELoss()
# to do in a loop:
xi = linear1(x)
h = sigmoid1(xi)
f = linear2(h)
loss = loss_function(f,y)
loss.backward()
"""

SEQUENTIAL = """\
model = torch.nn.Sequential(
    torch.nn.Linear(2,3),
    torch.nn.Sigmoid(),
    torch.nn.Linear(3,2))
loss_function = torch.nn.MSELoss()
# to do in a loop:
f = model(x)
loss = loss_function(f,y)
loss.backward()
"""

UPDATE = """\
for param in model.parameters():
    param -= learning_rate * param.grad
"""

# ---- lecture C

SMALL_NET = """\
import torch
class Net(torch.nn.Module):
    def __init__(self):
        super(Net, self).__init__()
        n_hidden = 2
        self.act = torch.nn.Sigmoid()
        self.hidden = torch.nn.Linear(1, n_hidden)
        self.out = torch.nn.Linear(n_hidden, 1)
    def forward(self, x):
        x = self.act(self.hidden(x))
        x = self.out(x)
        return x
"""

FIVE_HIDDEN = SMALL_NET.replace("n_hidden = 2", "n_hidden = 5").replace("(1, n_h", "(12, n_h")

FULL = """\
optimizer = torch.optim.SGD(net.parameters(), lr=0.03)
optimizer.zero_grad()
predictions = net(subtrain_inputs)
subtrain_loss = criterion(predictions, subtrain_outputs)
subtrain_loss.backward()
optimizer.step()
"""

STOCHASTIC = """\
optimizer = torch.optim.SGD(net.parameters(), lr=0.03)
optimizer.zero_grad()
prediction = net(one_input)
one_loss = criterion(prediction, one_output)
one_loss.backward()
optimizer.step()
"""

BATCH = """\
optimizer = torch.optim.SGD(net.parameters(), lr=0.03)
optimizer.zero_grad()
prediction = net(batch_inputs)
batch_loss = criterion(prediction, batch_outputs)
batch_loss.backward()
optimizer.step()
"""

LBFGS = """\
net = Net()
criterion = torch.nn.MSELoss()
optimizer = torch.optim.LBFGS([net.parameters()], lr=0.03)
# to do in a loop:
optimizer.zero_grad()
pred = net(input_X_features)
loss = criterion(pred, output_y_labels)
loss.backward()
"""

CONVOLUTIONS = [
    "torch.nn.Conv1d(\n    in_channels=1,\n    out_channels=1,\n    kernel_size=2)",
    "torch.nn.Conv1d(in_channels=1,\n    out_channels=2, kernel_size=2)",
    "torch.nn.Conv1d(in_channels=1,\n    out_channels=1, kernel_size=3)",
    "torch.nn.Conv1d(in_channels=1,\n    out_channels=2, kernel_size=3)",
]

POOLINGS = [
    "torch.nn.MaxPool1d(kernel_size=2, stride=2)",
    "torch.nn.MaxPool1d(kernel_size=3, stride=1)",
    "torch.nn.MaxPool1d(kernel_size=3, stride=2)",
    "torch.nn.MaxPool1d(kernel_size=3, stride=3)",
]
